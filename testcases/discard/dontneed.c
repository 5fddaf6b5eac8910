/* dontneed: MADV_DONTNEED on stretches of private memory under threads that read and write it, while a splitter changes
 * the VMAs around. The range is always mapped.
 *
 * Oracles (claim.c): an old tag after the call has returned -> a fault in progress put the page back. Zero where a new
 * tag was written -> the zap came late, or two faults installed two pages. SIGSEGV ever. */
#include "subtests.h"
#include "zone.h"

static void discard(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	for (uint64_t generation = 1; worker_continue(worker); generation++) {
		unsigned int first = rng_below(&worker->rng, PAGES);
		unsigned int count = 1 + rng_below(&worker->rng, PAGES - first);
		void *at = area_word(zone->base, first, 0);

		claims_update(&zone->claim[first], count, CLAIM_RW | MAY_BE_ZERO | MAY_LOSE_WRITES);
		rng_dither(&worker->rng);
		if (!run_sabotaged(run, "dontneed-keeps"))
			area_advise(run, at, count, MADV_DONTNEED);
		/* settled: only zero, or what is written from here on */
		claims_publish(&zone->claim[first], count, generation + 1, CLAIM_RW | MAY_BE_ZERO);
		rng_dither(&worker->rng);
		zone_tag(zone, first, count, generation + 1);
		if (run_sabotaged(run, "dontneed-late"))
			area_advise(run, at, count, MADV_DONTNEED);
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}

void dontneed(struct run *run)
{
	struct zone zone = { 0 };
	const struct role roles[] = {
		{ .name = "discarder", .body = discard, .count = 1, .arg = &zone },
		{ .name = "splitter", .body = split_pages, .count = 1, .arg = &zone.touched },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 2, 2), .arg = &zone.touched },
	};

	if (!zone_map(run, &zone))
		return;
	zone_begin(run, &zone);
	crew_run(run, roles, COUNT_OF(roles));
}
