/* grow-shrink: the end of a region goes up and down in place.
 *
 * Oracles: a page behind a settled end can be accessed, or comes back with its old data -> a fault worked on the part
 * that was cut off, with the limits from before. A page in front of the end is refused or loses data -> the grown
 * VMA was stored over itself wrongly (a second attach forgets the readers it has). */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "subtests.h"

#define PAGES 20
#define PAGES_MIN 4

struct zone {
	struct claim claim[PAGES];
	void *base;
	struct touched touched;
};

static void settle(struct zone *zone, unsigned int first, unsigned int end, uint64_t generation, unsigned int may)
{
	for (unsigned int page = first; page < end; page++)
		claim_publish(&zone->claim[page], generation, may);
}

static bool resize(struct run *run, struct zone *zone, unsigned int from, unsigned int to)
{
	if (mremap(zone->base, from * page_bytes(), to * page_bytes(), 0) != MAP_FAILED)
		return true;
	run_fail_errno(run, "mremap in place");
	return false;
}

static void change_size(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	for (uint64_t generation = 1; worker_continue(worker); generation++) {
		unsigned int small = PAGES_MIN + rng_below(&worker->rng, PAGES - PAGES_MIN);
		bool keep = run_sabotaged(run, "shrink-keeps");

		for (unsigned int page = small; page < PAGES; page++)
			claim_update(&zone->claim[page], CLAIM_ANY);
		if (!keep && !resize(run, zone, PAGES, small))
			return;
		settle(zone, small, PAGES, generation + 1, CLAIM_NONE);
		rng_dither(&worker->rng);
		settle(zone, small, PAGES, generation + 1, CLAIM_ANY | MAY_BE_ZERO);
		if (!keep && !resize(run, zone, small, PAGES))
			return;
		for (unsigned int page = small; page < PAGES; page++) {
			uint64_t *tag = area_word(zone->base, page, WORD_TAG);

			/* Oracle: the new pages are fresh. */
			if (*(volatile uint64_t *)tag != 0 && !keep)
				run_fail(run, "page %u grown anew has %#llx", page, (unsigned long long)*tag);
			*tag = tag_make(0, page, generation + (run_sabotaged(run, "grow-dirty") ? 0 : 1));
		}
		settle(zone, small, PAGES, generation + 1, CLAIM_RW);
		rng_dither_below(&worker->rng, 3);
		worker_did(worker);
	}
}

void grow_shrink(struct run *run)
{
	struct zone zone = { .base = area_reserve(run, PAGES) };
	const struct role roles[] = {
		{ .name = "resizer", .body = change_size, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 1, 2), .arg = &zone.touched },
	};

	if (!zone.base || area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	area_tag(zone.base, PAGES, 0, 1);
	settle(&zone, 0, PAGES, 1, CLAIM_RW);
	zone.touched = (struct touched){
		.base = zone.base, .pages = PAGES, .claims = zone.claim, .want.zero_while_changing = true,
	};
	touched_count(run, &zone.touched, true);
	crew_run(run, roles, COUNT_OF(roles));
}
