#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void huge_split(struct run *run);
void huge_remap(struct run *run);

#endif
