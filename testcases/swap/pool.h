/* SPDX-License-Identifier: GPL-2.0-only */
/* The pages that go to swap: some are only used, and keep all that is written to them; others are changed, too, by one thread,
 * in ways of which their claims tell. */
#ifndef POOL_H
#define POOL_H

#include "case.h"
#include "swaparea.h"

#define KEPT 12                         /* the first pages of the pool */
#define CHANGED 12                      /* the others */
#define PAGES (KEPT + CHANGED)

struct pool {
	struct run *run;
	struct swap_area area;
	char *base, *spare;             /* where changed pages are moved to and fetched from again */
	int file;                       /* -1: anonymous, and private */
	uint64_t generation[CHANGED];
	struct claim kept_claim[KEPT], claim[CHANGED];
	struct touched kept, changed, split;
	struct slot *out, *discarded, *forked, *moved;
};

static inline void *changed_at(const struct pool *pool, unsigned int page)
{
	return pool->base + (KEPT + page) * page_bytes();
}

/* false: the run is skipped or has failed. Before the crew starts; pool_end() after it. */
bool pool_start(struct pool *pool, struct run *run, enum swap_kind kind, bool is_shared);
void pool_end(struct pool *pool);

/* bodies of roles whose arg is the pool */
void pool_evict(struct worker *worker);         /* pages go to swap */
void pool_reclaim(struct worker *worker);       /* those that have arrived there are let go */
void pool_change(struct worker *worker);        /* pages are discarded, moved, closed, and the process forks */

#endif
