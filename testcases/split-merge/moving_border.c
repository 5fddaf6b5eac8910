/* moving-border: pages on the left are writable, pages on the right read-only, and the border moves. No VMA is made or
 * freed: two stored ones change their limits, the way of a merge with a part of the neighbour.
 *
 * Oracles: a store left of the border is refused, or one right of it succeeds -> a fault used the neighbour's VMA: it
 * found the right one, but did not look at the limits again after taking its lock. */
#include "subtests.h"

#define PAGES 24
#define STEP_MAX 4

struct zone {
	struct claim claim[PAGES];
	void *base;
	struct touched touched;
};

static void settle(struct zone *zone, unsigned int first, unsigned int end, unsigned int may)
{
	for (unsigned int page = first; page < end; page++)
		claim_update(&zone->claim[page], may);
}

static void move_border(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;
	unsigned int border = PAGES / 2;

	while (worker_continue(worker)) {
		unsigned int step = 1 + rng_below(&worker->rng, STEP_MAX);
		bool right = border + step < PAGES && (border <= step || rng_one_in(&worker->rng, 2));
		unsigned int first = right ? border : border - step;
		unsigned int end = first + step;

		settle(zone, first, end, CLAIM_ANY);
		if (!run_sabotaged(run, "border-stays"))
			area_protect(run, area_word(zone->base, first, 0), step,
				     right ? PROT_READ | PROT_WRITE : PROT_READ);
		settle(zone, first, end, right ? CLAIM_RW : CLAIM_RO);
		border = right ? end : first;
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}

void moving_border(struct run *run)
{
	struct zone zone = { .base = area_reserve(run, PAGES) };
	const struct role roles[] = {
		{ .name = "mover", .body = move_border, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 1, 2), .arg = &zone.touched },
	};

	if (!zone.base || area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	area_tag(zone.base, PAGES, 0, 1);
	area_protect(run, area_word(zone.base, PAGES / 2, 0), PAGES / 2, PROT_READ);
	for (unsigned int page = 0; page < PAGES; page++)
		claim_publish(&zone.claim[page], 1, page < PAGES / 2 ? CLAIM_RW : CLAIM_RO);
	zone.touched = (struct touched){ .base = zone.base, .pages = PAGES, .claims = zone.claim, .keeps_data = true };
	touched_count(run, &zone.touched, true);
	crew_run(run, roles, COUNT_OF(roles));
}
