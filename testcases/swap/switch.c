// SPDX-License-Identifier: GPL-2.0-only
/* The subtests. In swap-off the area is switched off, which brings all pages back while threads fault on them and on those
 * that are still there, and on again.
 *
 * Oracle: pool.h; a page that is brought back twice, or whose entry was missed, has lost what was written to it. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <sys/swap.h>

#include "pool.h"
#include "subtests.h"
#include "sysfile.h"

static void switch_off_and_on(struct worker *worker)
{
	struct pool *pool = worker->arg;

	while (worker_continue(worker)) {
		clock_sleep_ms(1 + rng_below(&worker->rng, 20));
		if (!swap_try_off(worker->run, &pool->area))
			continue;
		if (run_sabotaged(worker->run, "off-loses"))
			area_advise(worker->run, pool->base, 1, MADV_DONTNEED);
		rng_dither(&worker->rng);
		if (!swap_on(worker->run, &pool->area))
			return;
		worker_did(worker);
	}
}

static void go(struct run *run, enum swap_kind kind, bool is_shared, bool switches)
{
	static struct pool pool;
	bool late = kind == SWAP_LATE;
	unsigned int others = run_threads_left(run, 3 + switches + late, 2);
	const struct role roles[] = {
		{ .name = "evictor", .body = pool_evict, .count = 1, .arg = &pool },
		{ .name = "changer", .body = pool_change, .count = 1, .arg = &pool },
		{ .name = "splitter", .body = split_pages, .count = 1, .arg = &pool.split },
		{ .name = "keeper", .body = touch, .count = others / 2, .arg = &pool.kept },
		{ .name = "toucher", .body = touch, .count = others - others / 2, .arg = &pool.changed },
		{ .name = "switcher", .body = switch_off_and_on, .count = switches, .arg = &pool },
		{ .name = "reclaimer", .body = pool_reclaim, .count = late, .arg = &pool },
	};

	if (!pool_start(&pool, run, kind, is_shared))
		return;
	crew_run(run, roles, COUNT_OF(roles));
	pool_end(&pool);
}

void swap_in(struct run *run)
{
	go(run, SWAP_AT_ONCE, false, false);
}

void swap_in_late(struct run *run)
{
	go(run, SWAP_LATE, false, false);
}

void swap_shared(struct run *run)
{
	go(run, SWAP_AT_ONCE, true, false);
}

/* Oracle: pool.h, of pages that are compressed in memory and need no device, as long as zswap has room for them. */
void swap_compressed(struct run *run)
{
	struct sysfile_setting setting = { .path = "/sys/module/zswap/parameters/enabled", .value = "Y" };

	if (!sysfile_set(&setting, 1)) {
		run_skip(run, "no zswap (CONFIG_ZSWAP), or it cannot be had: errno %d", errno);
		return;
	}
	go(run, SWAP_LATE, false, false);
	sysfile_restore(&setting, 1);
}

void swap_off(struct run *run)
{
	go(run, SWAP_AT_ONCE, false, true);
}
