// SPDX-License-Identifier: GPL-2.0-only
/* balance: the kernel takes access to pages away to see from which node they are used, while their VMA is split, protected and
 * forked.
 *
 * Oracles (toucher.c): pages keep what was written to them and are never refused, except while they are closed. */
#define _GNU_SOURCE
#include <errno.h>
#include <unistd.h>

#include "subtests.h"
#include "zone.h"

#define BALANCING "/proc/sys/kernel/numa_balancing"
#define SCAN "/sys/kernel/debug/sched/numa_balancing/"

static void close_on(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		unsigned int first = rng_below(&worker->rng, PAGES), count = 1 + rng_below(&worker->rng, PAGES - first);
		void *at = zone->base + first * page_bytes();
		unsigned int closed = rng_one_in(&worker->rng, 2) ? PROT_READ : PROT_NONE;

		if (run_sabotaged(worker->run, "page-lost"))
			area_advise(worker->run, zone->base, 1, MADV_DONTNEED);
		claims_update(&zone->claim[first], count, CLAIM_ANY);
		area_protect(worker->run, at, count, closed);
		claims_update(&zone->claim[first], count, closed == PROT_READ ? CLAIM_RO : CLAIM_NONE);
		rng_dither(&worker->rng);
		claims_update(&zone->claim[first], count, CLAIM_ANY);
		area_protect(worker->run, at, count, PROT_READ | PROT_WRITE);
		claims_update(&zone->claim[first], count, CLAIM_RW);
		clock_sleep_ms(1 + rng_below(&worker->rng, 4));
		worker_did(worker);
	}
}

void balance(struct run *run)
{
	static struct zone zone;
	struct sysfile_setting settings[] = {
		{ .path = BALANCING, .value = "1" },
		{ .path = SCAN "scan_delay_ms", .value = "10" },
		{ .path = SCAN "scan_period_min_ms", .value = "10" },
		{ .path = SCAN "scan_period_max_ms", .value = "20" },
	};
	/* without debugfs it begins after a second */
	unsigned int known = access(SCAN, F_OK) == 0 ? COUNT_OF(settings) : 1;
	const struct role roles[] = {
		{ .name = "closer", .body = close_on, .count = 1, .arg = &zone },
		{ .name = "splitter", .body = split_pages, .count = 1, .arg = &zone.split },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 2, 2), .arg = &zone.touched },
	};

	if (!zone_make(&zone, run, false))
		return;
	zone.touched.want.always_mapped = false;
	if (!sysfile_set(settings, known)) {
		run_skip(run, "NUMA balancing cannot be switched on (CONFIG_NUMA_BALANCING): errno %d", errno);
		return;
	}
	crew_run(run, roles, COUNT_OF(roles));
	sysfile_restore(settings, known);
}
