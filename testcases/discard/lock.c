/* lock: stretches are thrown away and locked in memory, so that mlock() faults their pages in beside the threads that
 * touch them; then they are unlocked. VMAs split and merge with each of it.
 *
 * Oracles: a page that is not resident after mlock() -> it populated another VMA than the one it marked. claim.c: zero
 * or an old tag where a new one was written -> mlock() and a fault installed a page each. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "subtests.h"
#include "zone.h"

#define RUN_MAX 5

static void expect_resident(struct run *run, struct zone *zone, unsigned int first, unsigned int count)
{
	unsigned char resident[RUN_MAX] = { 0 };

	if (mincore(area_word(zone->base, first, 0), count * page_bytes(), resident) != 0)
		run_fail_errno(run, "mincore");
	for (unsigned int i = 0; i < count; i++)
		if (!(resident[i] & 1))
			run_fail(run, "page %u is locked, but not in memory", first + i);
}

static void unlock(struct run *run, void *at, unsigned int pages)
{
	if (munlock(at, pages * page_bytes()) != 0)
		run_fail_errno(run, "munlock");
}

static void lock(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	for (uint64_t generation = 1; worker_continue(worker); generation++) {
		unsigned int first = rng_below(&worker->rng, PAGES - RUN_MAX + 1);
		unsigned int count = 1 + rng_below(&worker->rng, RUN_MAX);
		void *at = area_word(zone->base, first, 0);

		claims_update(&zone->claim[first], count, CLAIM_RW | MAY_BE_ZERO | MAY_LOSE_WRITES);
		area_advise(run, at, count, MADV_DONTNEED);
		claims_publish(&zone->claim[first], count, generation + 1, CLAIM_RW | MAY_BE_ZERO);
		if (mlock(at, count * page_bytes()) != 0) {
			run_fail_errno(run, "mlock");
			return;
		}
		if (run_sabotaged(run, "lock-drops")) {
			unlock(run, at, count);
			area_advise(run, at, count, MADV_DONTNEED);
		}
		expect_resident(run, zone, first, count);
		zone_tag(zone, first, count, generation + 1);
		rng_dither(&worker->rng);
		unlock(run, at, count);
		if (run_sabotaged(run, "lock-loses"))
			area_advise(run, at, count, MADV_DONTNEED);
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}

void lock_pages(struct run *run)
{
	struct zone zone = { 0 };
	const struct role roles[] = {
		{ .name = "locker", .body = lock, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 1, 2), .arg = &zone.touched },
	};

	if (!zone_map(run, &zone))
		return;
	if (mlock(zone.base, page_bytes()) != 0) {
		run_skip(run, "memory cannot be locked");
		return;
	}
	munlock(zone.base, page_bytes());
	zone_begin(run, &zone);
	crew_run(run, roles, COUNT_OF(roles));
}
