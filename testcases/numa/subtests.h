/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void place(struct run *run);
void place_shared(struct run *run);
void balance(struct run *run);
void policies(struct run *run);

#endif
