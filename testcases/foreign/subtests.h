/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void copy(struct run *run);
void trace(struct run *run);
void ask(struct run *run);

#endif
