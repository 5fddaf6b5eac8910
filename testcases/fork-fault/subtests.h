#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void snapshot(struct run *run);
void order(struct run *run);
void remap_during_fork(struct run *run);
void inherit(struct run *run);

#endif
