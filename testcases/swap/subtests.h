/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void swap_in(struct run *run);
void swap_in_late(struct run *run);
void swap_shared(struct run *run);
void swap_compressed(struct run *run);
void swap_off(struct run *run);

#endif
