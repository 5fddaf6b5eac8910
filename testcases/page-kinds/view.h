/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel says of single pages: /proc/PID/pagemap and /proc/kpageflags (Documentation/admin-guide/mm/pagemap.rst). */
#ifndef VIEW_H
#define VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "run.h"

struct view {
	bool is_present, is_swapped, is_file, is_exclusive;
	bool is_huge;                   /* part of a transparent huge page of any size */
	bool is_head, is_tail, is_zero, is_anon, is_ksm;
	uint64_t frame;                 /* page frame number; 0: not present */
};

/* false, and the run is skipped: this needs root */
bool view_open(struct run *run);

/* Of 'count' pages from 'at' on, in another process or (0) in this. false, and the run has failed. */
bool view_pages(struct run *run, pid_t pid, const void *at, unsigned int count, struct view *views);

/* Of how many pages the folio is that begins at the first of 'count' views and is mapped as it lies in memory; 1: a small
 * page; 0: there is none, or it does not begin here */
unsigned int view_folio(const struct view *views, unsigned int count);

unsigned int view_count_present(const struct view *views, unsigned int count);
unsigned int view_count_huge(const struct view *views, unsigned int count);

#endif
