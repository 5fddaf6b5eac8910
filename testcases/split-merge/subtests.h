#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void protect_anon(struct run *run);
void protect_shmem(struct run *run);
void advise_split(struct run *run);
void moving_border(struct run *run);

#endif
