// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "reclaim.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "area.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21                 /* Linux 5.4 */
#endif

#define PAGEMAP_SOMETHING (UINT64_C(3) << 62)   /* a page, or an entry that stands for one */
#define TRIES 12                        /* on each CPU */

/* The first page that is there, or 'pages': none is. */
static unsigned int first_left(struct run *run, const struct reclaim *reclaim, void *at, unsigned int pages)
{
	uint64_t entries[RECLAIM_MAX];
	ssize_t bytes = pages * sizeof(entries[0]);
	unsigned int page = 0;

	if (pread(reclaim->pagemap, entries, bytes, (uintptr_t)at / page_bytes() * sizeof(entries[0])) != bytes) {
		run_fail_errno(run, "reading /proc/self/pagemap");
		return pages;
	}
	while (page < pages && !(entries[page] & PAGEMAP_SOMETHING))
		page++;
	return page;
}

static unsigned int try(struct run *run, const struct reclaim *reclaim, void *at, unsigned int pages)
{
	area_advise(run, at, pages, MADV_FREE);
	if (!run_sabotaged(run, "anon-stays"))
		area_advise(run, at, pages, MADV_PAGEOUT);
	return first_left(run, reclaim, at, pages);
}

/* Pages that a CPU has put into a list of its own wait there for more, and only it can be told to hurry: visit all. */
static unsigned int try_everywhere(struct run *run, const struct reclaim *reclaim, void *at, unsigned int pages)
{
	unsigned int left = 0;
	cpu_set_t allowed, one;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return pages;
	for (unsigned int visit = 0; visit < TRIES && left < pages; visit++) {
		for (int cpu = 0; cpu < CPU_SETSIZE && left < pages; cpu++) {
			if (!CPU_ISSET(cpu, &allowed))
				continue;
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			sched_setaffinity(0, sizeof(one), &one);
			left = try(run, reclaim, at, pages);
		}
	}
	sched_setaffinity(0, sizeof(allowed), &allowed);
	return left;
}

bool reclaim_start(struct run *run, struct reclaim *reclaim, void *page)
{
	reclaim->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (reclaim->pagemap < 0) {
		run_skip(run, "no /proc/self/pagemap (CONFIG_PROC_PAGE_MONITOR)");
		return false;
	}
	*(volatile uint64_t *)page = 1;
	if (madvise(page, page_bytes(), MADV_FREE) != 0 || madvise(page, page_bytes(), MADV_PAGEOUT) != 0) {
		run_skip(run, "no MADV_FREE and MADV_PAGEOUT (Linux 5.4)");
		return false;
	}
	if (!run_sabotaged(run, "anon-stays") && try_everywhere(run, reclaim, page, 1) != 1) {
		run_skip(run, "pages are not reclaimed here when asked for");
		return false;
	}
	return true;
}

void reclaim_all(struct run *run, const struct reclaim *reclaim, void *at, unsigned int pages)
{
	unsigned int left = try(run, reclaim, at, pages);

	if (left < pages)
		left = try_everywhere(run, reclaim, at, pages);
	if (left < pages && !run_stopping(run))
		run_fail(run, "the page at %p cannot be reclaimed: not found where it is mapped",
			 (void *)area_word(at, left, 0));
}
