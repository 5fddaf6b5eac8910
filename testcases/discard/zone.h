#ifndef ZONE_H
#define ZONE_H

#include <stdbool.h>
#include <stdint.h>

#include "case.h"

#define PAGES 24

/* Private memory that is always mapped: one thread throws stretches of it away, touchers use all of it. */
struct zone {
	struct claim claim[PAGES];
	void *base;
	struct touched touched;
};

bool zone_map(struct run *run, struct zone *zone);

/* Tags everything, and lets touchers begin to count. */
void zone_begin(struct run *run, struct zone *zone);

/* Writes the tags of a generation to a stretch, from whose claim on only they are right. */
void zone_tag(struct zone *zone, unsigned int first, unsigned int count, uint64_t generation);

#endif
