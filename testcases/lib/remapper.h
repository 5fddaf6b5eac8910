/* A range of memory that one thread unmaps and maps again, over and over, saying so in a claim, under threads that
 * access it. */
#ifndef REMAPPER_H
#define REMAPPER_H

#include "toucher.h"

struct remapped {
	unsigned int pages;
	const char *early, *lost, *stale;       /* sabotages of remap_range; NULL: none */
	struct claim claim;                     /* one for all pages: they change together */
	void *base;
	struct touched touched;                 /* for the touchers of this range */
};

/* Maps the range, tags its pages and claims them, and names the touchers' events; before the crew starts.
 * false, and the run has failed, when that cannot be done. */
bool remapped_start(struct run *run, struct remapped *range);

/* body of a role whose arg is a struct remapped */
void remap_range(struct worker *worker);

/* claims that the range changes, and maps it again, with fresh pages; false, and the run has failed, if it cannot */
bool remapped_map(struct run *run, struct remapped *range);

#endif
