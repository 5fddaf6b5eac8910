/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

void exact(struct run *run);
void huge(struct run *run);
void threads(struct run *run);
void processes(struct run *run);
void foreign(struct run *run);

#endif
