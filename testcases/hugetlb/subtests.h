/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void private_huge(struct run *run);
void few(struct run *run);
void shared_tables(struct run *run);

#endif
