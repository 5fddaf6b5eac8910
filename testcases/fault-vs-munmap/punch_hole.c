/* punch-hole: single pages in the middle of a mapping are unmapped and mapped again. Each unmap splits a VMA, each
 * map merges three into one, while threads fault on the hole and on its neighbours.
 *
 * Oracles: a neighbour gets SIGSEGV or loses its data -> the range of a VMA was changed under a reader, or the
 * address re-check after taking the lock is missing. A settled hole can be accessed -> the part that was split off
 * was still lockable after the unmap. */
#include "subtests.h"

#define PAGES 24
#define HOLE_MAX 4

struct zone {
	struct claim claim[PAGES];
	void *base;
	unsigned int punchers;
	struct touched touched;
};

/* each puncher has a stretch of its own; the VMAs they split and merge reach into each other's */
static void punch(struct worker *worker)
{
	struct zone *zone = worker->arg;
	unsigned int stretch = PAGES / zone->punchers;
	struct run *run = worker->run;

	for (uint64_t generation = 1; worker_continue(worker); generation++) {
		unsigned int count = 1 + rng_below(&worker->rng, HOLE_MAX);
		unsigned int first = worker->id * stretch + rng_below(&worker->rng, stretch - count + 1);
		unsigned int extra = run_sabotaged(run, "hole-too-large") ? 1 : 0;
		void *at = area_word(zone->base, first, 0);

		claims_update(&zone->claim[first], count, CLAIM_ANY);
		area_unmap(run, at, count + extra);
		claims_publish(&zone->claim[first], count, generation + 1, CLAIM_NONE);
		rng_dither(&worker->rng);
		claims_publish(&zone->claim[first], count, generation + 1, CLAIM_ANY | MAY_BE_ZERO);
		if (area_map(run, at, count + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
			return;
		for (unsigned int page = first; page < first + count; page++) {
			unsigned int shown = run_sabotaged(run, "hole-wrong-page") ? page + 1 : page;

			*area_word(zone->base, page, WORD_TAG) = tag_make(0, shown, generation + 1);
		}
		claims_publish(&zone->claim[first], count, generation + 1, CLAIM_RW);
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}

void punch_hole(struct run *run)
{
	/* one page more, never claimed: room for the sabotage */
	struct zone zone = { .base = area_reserve(run, PAGES + 1), .punchers = run->threads >= 4 ? 2 : 1 };
	const struct role roles[] = {
		{ .name = "puncher", .body = punch, .count = zone.punchers, .arg = &zone },
		{ .name = "toucher", .body = touch, .arg = &zone.touched,
		  .count = run_threads_left(run, zone.punchers, 2) },
	};

	if (!zone.base || area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	area_tag(zone.base, PAGES, 0, 1);
	claims_publish(zone.claim, PAGES, 1, CLAIM_RW);
	zone.touched = (struct touched){
		.base = zone.base, .pages = PAGES, .claims = zone.claim,
		.want.zero_while_changing = true,
	};
	touched_count(run, &zone.touched, true);
	crew_run(run, roles, COUNT_OF(roles));
}
