#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void pageout(struct run *run);
void pressure(struct run *run);
void pressure_fork(struct run *run);

#endif
