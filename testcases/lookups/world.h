/* SPDX-License-Identifier: GPL-2.0-only */
/* All places and all calls of a subtest. */
#ifndef WORLD_H
#define WORLD_H

#include "calls.h"

#define SETTLE_TRIES 1000

struct world {
	struct run *run;
	struct desk desk;
	struct target self;
	struct place places[PLACES_MAX];
	const struct call *calls[CALLS_MAX];
	unsigned int places_count, calls_count;
};

/* false, and the run has failed */
bool world_open(struct run *run, struct world *world, bool foreign);

/* a call, a place, a shape; false: it makes no sense */
struct cell {
	unsigned int call, place, shape;
};
bool world_question(struct world *world, struct cell cell, struct question *question);

/* a target for a process; its files are closed by target_close() */
void target_open(struct target *target, pid_t pid);
void target_close(struct target *target);

/* Changes the VMA of a place and back, so that all who look at it have to be waited for: a lock that somebody kept stops it. */
void write_to(struct place *place, struct desk *desk, struct rng *rng);

/* "mlock of sealed, whole: ..." */
void tell_answer(struct run *run, const struct question *question, long got, const struct answers *answers);

#endif
