/* SPDX-License-Identifier: GPL-2.0-only */
/* Does the kernel find who maps an anonymous page? It looks for that by the page's offset, which the page got from its VMA at
 * the page fault, once and for all. A page with a wrong one stays where it is, whoever wants to reclaim or migrate it. */
#ifndef RECLAIM_H
#define RECLAIM_H

#include "run.h"

struct reclaim {
	int pagemap;
};

/* 'page' is one of private anonymous memory. false: the run is skipped, because pages cannot be reclaimed here. */
bool reclaim_start(struct run *run, struct reclaim *reclaim, void *page);

/* Oracle: memory that nobody needs any more (MADV_FREE), or else uses, is gone when the kernel is asked for it (MADV_PAGEOUT). No
 * swap is needed for it. At most RECLAIM_MAX pages. */
#define RECLAIM_MAX 256u
void reclaim_all(struct run *run, const struct reclaim *reclaim, void *at, unsigned int pages);

#endif
