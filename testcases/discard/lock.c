/* lock: stretches are locked in memory and unlocked, which splits and merges VMAs and has mlock() fault their pages in,
 * under threads that keep data there and, of another stretch, throw it away.
 *
 * Oracles: a page that is not resident after mlock() -> it populated another VMA than the one it marked. A word that was
 * lost (toucher.c) -> a page was installed over one that was there. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "subtests.h"

#define PAGES 24
#define RUN_MAX 5

struct zone {
	struct claim claim;             /* never changes */
	void *base;
	struct touched touched;
};

static void expect_resident(struct run *run, struct zone *zone, unsigned int first, unsigned int count)
{
	unsigned char resident[RUN_MAX] = { 0 };

	if (mincore(area_word(zone->base, first, 0), count * page_bytes(), resident) != 0)
		run_fail_errno(run, "mincore");
	for (unsigned int i = 0; i < count; i++)
		if (!(resident[i] & 1))
			run_fail(run, "page %u is locked, but not in memory", first + i);
}

static void lock(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	while (worker_continue(worker)) {
		unsigned int first = rng_below(&worker->rng, PAGES - RUN_MAX);
		unsigned int count = 1 + rng_below(&worker->rng, RUN_MAX);
		void *at = area_word(zone->base, first, 0);

		if (run_sabotaged(run, "lock-loses"))
			area_advise(run, at, count, MADV_DONTNEED);
		if (mlock(at, count * page_bytes()) != 0) {
			run_fail_errno(run, "mlock");
			return;
		}
		rng_dither(&worker->rng);
		if (run_sabotaged(run, "lock-drops")) {
			munlock(at, count * page_bytes());
			area_advise(run, at, count, MADV_DONTNEED);
		}
		expect_resident(run, zone, first, count);
		rng_dither(&worker->rng);
		if (munlock(at, count * page_bytes()) != 0)
			run_fail_errno(run, "munlock");
		/* a fresh page for the next time, where nobody keeps data */
		if (rng_one_in(&worker->rng, 2))
			area_advise(run, area_word(zone->base, PAGES, 0), RUN_MAX, MADV_DONTNEED);
		if (mlock(area_word(zone->base, PAGES, 0), page_bytes()) == 0) {
			expect_resident(run, zone, PAGES, 1);
			munlock(area_word(zone->base, PAGES, 0), page_bytes());
		}
		worker_did(worker);
	}
}

void lock_pages(struct run *run)
{
	/* the data, and behind it what is thrown away: one VMA */
	struct zone zone = { .base = area_reserve(run, PAGES + RUN_MAX) };
	const struct role roles[] = {
		{ .name = "locker", .body = lock, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 1, 2), .arg = &zone.touched },
	};

	if (!zone.base ||
	    area_map(run, zone.base, PAGES + RUN_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	if (mlock(zone.base, page_bytes()) != 0) {
		run_skip(run, "memory cannot be locked");
		return;
	}
	munlock(zone.base, page_bytes());
	area_tag(zone.base, PAGES, 0, 1);
	claim_publish(&zone.claim, 1, CLAIM_RW);
	zone.touched = (struct touched){
		.base = zone.base, .pages = PAGES, .claims = &zone.claim, .one_claim = true, .keeps_data = true,
		.want.always_mapped = true,
	};
	touched_count(run, &zone.touched, false);
	crew_run(run, roles, COUNT_OF(roles));
}
