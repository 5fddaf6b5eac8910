/* SPDX-License-Identifier: GPL-2.0-only */
/* A swap area of our own, in memory. */
#ifndef SWAPAREA_H
#define SWAPAREA_H

#include "run.h"

enum swap_kind {
	SWAP_AT_ONCE,                   /* zram: a page is there when the request returns; faults pass the swap cache by */
	SWAP_LATE,                      /* a loop device: requests take a while; a page on its way is in the swap cache */
};

struct swap_area {
	enum swap_kind kind;
	char path[32];                  /* of the device */
	int device;                     /* open as long as it is ours: a loop device is let go by the last close; -1 */
	bool on;
};

/* false: the run is skipped, with the reason, or has failed. Only while there is one thread. */
bool swap_start(struct run *run, struct swap_area *area, enum swap_kind kind);
/* everything comes back, and the device is free again */
void swap_end(struct run *run, struct swap_area *area);

/* False: it is still on. While others fault that is no failure: of a page that a fault is just bringing back, swapoff says that
 * there is no memory for it (unuse_pte_range() takes the swap cache's hold on an entry for a user). */
bool swap_try_off(struct run *run, struct swap_area *area);
/* false: the run has failed */
bool swap_on(struct run *run, struct swap_area *area);

#endif
