#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void dontneed(struct run *run);
void lock_pages(struct run *run);
void mlocked(struct run *run);

#endif
