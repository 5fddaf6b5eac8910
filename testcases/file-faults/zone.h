/* SPDX-License-Identifier: GPL-2.0-only */
/* A file of a few pages that one thread changes, in ways of which claims say what they do to each page.
 *
 * A page that is cut off, or a hole, gets a new generation: what was there before must not come back. */
#ifndef ZONE_H
#define ZONE_H

#include "case.h"

#define PAGES 12

struct zone {
	struct run *run;
	int file;
	void *base;                     /* a mapping of all of it, and of what is cut off */
	bool is_shared;                 /* that mapping */
	unsigned int size;              /* pages, as the changer has it */
	uint64_t generation[PAGES];
	struct claim claim[PAGES];
	_Atomic uint64_t cuts[PAGES];   /* how often the page was cut off, twice: odd while that goes on or lasts */
	struct slot *cut, *punched, *written;
};

/* map_flags: of 'base'. false: the run has failed. Before the crew starts. */
bool zone_make(struct zone *zone, struct run *run, int map_flags);

/* body of a role whose arg is the zone */
void zone_change(struct worker *worker);

/* The outcome as claims have it, to which a signal is a signal: beyond the end of a file it is SIGBUS. Anything else that is
 * refused fails the run. */
enum access zone_refusal(struct zone *zone, unsigned int page, enum access got);

#endif
