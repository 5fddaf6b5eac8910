// SPDX-License-Identifier: GPL-2.0-only
/* merge: two processes have pages that are alike; their threads keep making some differ. unmerge: the advice that they may be
 * merged is taken back under them, which makes a copy of each page by a fault. */
#include <errno.h>

#include "alike.h"
#include "subtests.h"

static void go(struct run *run, bool unmerges)
{
	struct sysfile_setting settings[] = {
		{ .path = KSM "sleep_millisecs", .value = "2" },
		{ .path = KSM "pages_to_scan", .value = "1000" },
		{ .path = KSM "run", .value = "1" },
	};
	struct range range = { .run = run, .base = area_reserve(run, PAGES), .unmerges = unmerges };
	pid_t pids[PROCESSES];

	if (!range.base || area_map(run, range.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	if (!sysfile_set(settings, COUNT_OF(settings))) {
		run_skip(run, "KSM cannot be switched on (CONFIG_KSM, CAP_SYS_ADMIN): errno %d", errno);
		return;
	}
	range.discarded = run_event(run, SLOT_EVENT, "discarded");
	range.forked = run_event(run, SLOT_EVENT, "forked");
	if (unmerges)
		range.unmerged = run_event(run, SLOT_REQUIRED, "unmerged");
	for (range.process = 0; range.process < PROCESSES; range.process++)
		pids[range.process] = child_start(run, alike_live, &range);
	for (unsigned int i = 0; i < PROCESSES; i++)
		child_wait(run, pids[i]);
	sysfile_restore(settings, COUNT_OF(settings));
}

void merge(struct run *run)
{
	go(run, false);
}

void unmerge(struct run *run)
{
	go(run, true);
}
