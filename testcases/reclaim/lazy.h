/* A range in which every other page is given back with MADV_FREE again and again: the kernel takes such a page when it
 * wants memory, by way of a walk of all VMAs that map it, unless somebody has written to it since. It needs no swap. The
 * pages in between are never given back. */
#ifndef LAZY_H
#define LAZY_H

#include "case.h"

#define LAZY_PAGES 24

struct lazy {
	void *base;                     /* of pairs: a page that is kept, a page that is given back */
	bool pages_out;                 /* also asks the kernel to take them at once (MADV_PAGEOUT) */
	struct claim kept_claim;
	struct claim claim[LAZY_PAGES];
	struct touched kept, given;     /* for touch() */
	struct slot *taken;
};

/* false: the run has failed */
bool lazy_init(struct lazy *lazy, struct run *run, bool pages_out);

/* body of a role whose arg is a struct lazy: one thread gives back, and splits and merges VMAs meanwhile. Two would only wait
 * for each other's mmap_lock. */
void lazy_change(struct worker *worker);

/* in a child: its copy of the claims is of the instant at which its memory was copied */
void lazy_look_as_child(struct run *run, void *arg);

#endif
