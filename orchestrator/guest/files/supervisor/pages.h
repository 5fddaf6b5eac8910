/* Pages of the whole guest that somebody took and nobody accounts for, and what processes leave in its counters. */
#ifndef PAGES_H
#define PAGES_H

struct pages {
	long unaccounted;		/* neither free nor a file's, mapped, a page table's, the slab's, ... */
	long mlocked;
	long committed;			/* promised to mappings, as overcommit counts them */
};

void pages_open(void);

/* -1 for what this kernel does not say. Wants each CPU to have let go of the pages that it keeps (census.c). */
struct pages pages_now(void);

/* what only shrinkers give back: the huge zero page stays when its last user is gone */
void pages_shrink(void);

#endif
