/* grow-down: one page mapped with MAP_GROWSDOWN above a hole; threads touch the hole at once and it becomes mapped,
 * from the top down to wherever the lowest access was.
 *
 * Oracles: SIGSEGV in the hole while the stack is settled -> two threads expanded at once and one worked with limits
 * from before, or a fault took the expanding VMA by its own lock. A lost word -> the expansion stored a second VMA, or
 * attached it again and forgot its readers, one of which installed a page in the wrong place. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "subtests.h"

#define PAGES 24

struct zone {
	struct claim claim;
	void *base;
	struct touched touched;
};

static bool map_top(struct run *run, struct zone *zone)
{
	int flags = MAP_PRIVATE | (run_sabotaged(run, "down-fixed") ? 0 : MAP_GROWSDOWN);

	return area_map(run, area_word(zone->base, PAGES - 1, 0), 1, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED;
}

static void rebuild(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	for (uint64_t generation = 1; worker_continue(worker); generation++) {
		claim_update(&zone->claim, CLAIM_ANY | MAY_BE_ZERO);
		if (!run_sabotaged(run, "down-stays"))
			area_unmap(run, zone->base, PAGES);
		claim_publish(&zone->claim, generation + 1, CLAIM_NONE);
		rng_dither(&worker->rng);
		claim_update(&zone->claim, CLAIM_ANY | MAY_BE_ZERO);
		if (!map_top(run, zone))
			return;
		/* settled before anything but the top page is there: the touchers expand it */
		claim_update(&zone->claim, CLAIM_RW | MAY_BE_ZERO);
		rng_dither_below(&worker->rng, 4);
		for (unsigned int page = PAGES; page-- > 0;) {
			uint64_t *word = area_word(zone->base, page, WORD_TAG);

			if (fault_store(word, tag_make(0, page, generation + 1)) != ACCESS_OK)
				run_fail(run, "the stack does not grow to page %u at %p", page, (void *)word);
		}
		claim_update(&zone->claim, CLAIM_RW);
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}

void grow_down(struct run *run)
{
	/* what lies below is reserved without access, so the kernel asks for no guard gap */
	struct zone zone = { .base = area_reserve(run, PAGES) };
	const struct role roles[] = {
		{ .name = "rebuilder", .body = rebuild, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 1, 2), .arg = &zone.touched },
	};

	if (!zone.base)
		return;
	claim_publish(&zone.claim, 1, CLAIM_NONE);
	zone.touched = (struct touched){
		.base = zone.base, .pages = PAGES, .claims = &zone.claim, .one_claim = true,
		.want.zero_while_changing = true,
	};
	touched_count(run, &zone.touched, true);
	crew_run(run, roles, COUNT_OF(roles));
}
