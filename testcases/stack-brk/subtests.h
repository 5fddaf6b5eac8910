#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void brk_grow(struct run *run);
void grow_down(struct run *run);
void main_stack(struct run *run);

#endif
