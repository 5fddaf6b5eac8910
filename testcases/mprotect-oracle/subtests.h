#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void still_anon(struct run *run);
void still_fresh(struct run *run);
void still_shmem(struct run *run);
void still_page(struct run *run);

#endif
