// SPDX-License-Identifier: GPL-2.0-only
/* late-split: the range of one huge page is mapped anew, and while threads fault it in, which takes a while, one of its
 * pages gets a VMA of its own, by advice that means nothing here. A huge page that is there is split then. One that is on
 * its way has to be waited for, or it lies across three VMAs.
 *
 * Oracles: a page that is a VMA of its own is not part of a huge one -> who split the VMA had not locked it, or did so too
 * late. claim.c: a refusal while it is settled as accessible. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "subtests.h"

/* Linux 6.7 */
struct scan_region {
	uint64_t start, end, categories;
};
struct scan_request {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages, inverted, mask, anyof_mask, return_mask;
};
#define IOCTL_SCAN _IOWR('f', 16, struct scan_request)
#define IS_HUGE (1 << 6)

struct zone {
	struct range range;
	int pagemap;
};

/* 1: it is, 0: it is not, -1 and errno */
static int is_huge(const struct zone *zone, unsigned int page)
{
	struct scan_region found;
	struct scan_request request = {
		.size = sizeof(request), .start = (uintptr_t)area_word(zone->range.base, page, 0),
		.end = (uintptr_t)area_word(zone->range.base, page + 1, 0), .vec = (uintptr_t)&found, .vec_len = 1,
		.mask = IS_HUGE, .return_mask = IS_HUGE,
	};

	return ioctl(zone->pagemap, IOCTL_SCAN, &request);
}

static bool is_whole(struct worker *worker)
{
	const struct zone *zone = worker->arg;

	return is_huge(zone, zone->range.pages - 1) > 0;
}

static void split(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	worker_share_cpu();
	while (worker_continue(worker)) {
		unsigned int page = TOUCHED + rng_below(&worker->rng, zone->range.pages - TOUCHED);

		claims_update(zone->range.claim, TOUCHED, CLAIM_ANY | MAY_BE_ZERO);
		if (!map_anew(run, zone->range.base, zone->range.pages))
			return;
		claims_update(zone->range.claim, TOUCHED, CLAIM_RW | MAY_BE_ZERO);
		/* now they fault; sometimes the huge page is to be there before the split */
		let_fault(worker, is_whole);
		if (is_huge(zone, page) > 0)
			slot_hit(zone->range.huge);
		if (!run_sabotaged(run, "late-whole"))
			area_advise(run, area_word(zone->range.base, page, 0), 1, MADV_DONTDUMP);
		if (is_huge(zone, page) > 0)
			run_fail(run, "page %u is a VMA of its own, and part of a huge page", page);
		if (run_sabotaged(run, "late-torn"))
			area_protect(run, zone->range.base, 1, PROT_NONE);
		worker_did(worker);
	}
}

void late_split(struct run *run)
{
	struct zone zone = { .pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC) };
	const struct role roles[] = {
		{ .name = "splitter", .body = split, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 1, 2), .arg = &zone.range.touched },
	};

	zone.range.base = reserve_huge(run, 1, &zone.range.pages);
	if (!zone.range.base)
		return;
	if (is_huge(&zone, 0) < 0) {
		run_skip(run, "whether a page is huge is not told (PAGEMAP_SCAN, Linux 6.7): errno %d", errno);
		return;
	}
	range_touched(run, &zone.range);
	crew_run(run, roles, COUNT_OF(roles));
}
