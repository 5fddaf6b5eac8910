/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void event_fork(struct run *run);
void event_layout(struct run *run);
void write_protect(struct run *run);
void track_writes(struct run *run);
void minor(struct run *run);
void poison(struct run *run);

#endif
