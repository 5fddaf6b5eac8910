/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void share(struct run *run);
void leave(struct run *run);
void core(struct run *run);

#endif
