/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void anon_sizes(struct run *run);
void shmem_sizes(struct run *run);
void parts(struct run *run);
void shares(struct run *run);
void collapse(struct run *run);
void counts(struct run *run);

#endif
