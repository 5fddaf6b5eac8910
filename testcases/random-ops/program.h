/* SPDX-License-Identifier: GPL-2.0 */
/* Random programs: made of a seed, or read from a file; performed; and made short once one has
 * failed. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "world.h"

#define PROGRAM_OPS 160u

struct program {
	uint64_t number;
	unsigned int count;
	struct op op[PROGRAM_OPS];
};

/* How a run chooses its programs: --set weights=NAME:WEIGHT,..., program=NUMBER, replay=FILE. */
struct choice {
	struct weights weights;
	bool one; /* the same program each time: 'fixed', or number 'first' */
	uint64_t first;
	struct program fixed; /* of a file; empty: none */
};

/* 'usual': weights that differ from the defaults, or "". false, and the run has failed, when a
 * setting cannot be understood. */
bool choice_make(struct choice *choice, struct run *run, const char *usual);

/* a thread's life: one program after the other, until told to stop or one has failed and was
 * explained */
void programs_perform(struct worker *worker, struct world *world, const struct choice *choice);

#endif
