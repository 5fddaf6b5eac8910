#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void move_anon(struct run *run);
void move_shmem(struct run *run);
void move_copies(struct run *run);
void grow_shrink(struct run *run);
void dontunmap(struct run *run);

#endif
