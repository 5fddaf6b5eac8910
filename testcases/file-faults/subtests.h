/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void shared(struct run *run);
void private(struct run *run);

#endif
