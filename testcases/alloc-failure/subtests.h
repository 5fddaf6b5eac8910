#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void shared(struct run *run);
void private(struct run *run);
void heap_fails(struct run *run);
void stack_fails(struct run *run);
void fork_fails(struct run *run);
void uffd_fails(struct run *run);

#endif
