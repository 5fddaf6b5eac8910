/* SPDX-License-Identifier: GPL-2.0-only */
/* A range of pages that are to be alike, in each of some processes, and the threads that make them differ for a moment.
 *
 * A page holds one number, its generation's tag, and zeroes. Pages of one generation are alike, whosever they are. Each thread has
 * a word in all pages, where it stores something and then zero again. */
#ifndef ALIKE_H
#define ALIKE_H

#include "case.h"

#define KSM "/sys/kernel/mm/ksm/"
#define PAGES 24
#define PROCESSES 2
#define GENERATIONS 3                   /* so few, that pages soon are of the same again */

struct range {
	struct run *run;
	unsigned int process;
	void *base;
	bool unmerges;                  /* the advice is taken back and given again */
	struct claim claim[PAGES];
	uint64_t generation[PAGES];     /* since the start: the number in the page is alike_tag() of it */
	struct touched split;
	struct slot *shared, *unmerged, *forked, *discarded;
};

uint64_t alike_tag(uint64_t generation);

/* body of a child process: arg is a struct range of its own */
void alike_live(struct run *run, void *arg);

#endif
