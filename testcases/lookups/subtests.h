/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void calm(struct run *run);
void storm(struct run *run);
void foreign(struct run *run);

#endif
