/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void splice_pages(struct run *run);
void ring_buffers(struct run *run);
void receive_pages(struct run *run);

#endif
