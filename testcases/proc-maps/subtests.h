#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void maps(struct run *run);
void smaps(struct run *run);

#endif
