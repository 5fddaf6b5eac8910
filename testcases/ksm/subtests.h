/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void merge(struct run *run);
void unmerge(struct run *run);

#endif
