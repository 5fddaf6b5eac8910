#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void missing(struct run *run);
void remap(struct run *run);
void unregister(struct run *run);
void move(struct run *run);
void move_within(struct run *run);

#endif
