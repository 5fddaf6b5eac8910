/* dontunmap: MREMAP_DONTUNMAP takes the pages away and leaves the mapping behind, empty; then the pages come back.
 *
 * Oracles: a tag is seen at home while the pages are settled as away -> a translation or fault from before the move.
 * Home refuses an access, ever -> the VMA left behind, or the one put over it, was seen detached. Pages that come
 * back without their tags -> a fault filled a place that the move was about to use. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "subtests.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

#define PAGES 12

struct zone {
	struct claim claim;             /* of home */
	void *home, *away;
	struct touched touched;
};

static bool go(struct run *run, void *from, void *to, int flags)
{
	if (mremap(from, PAGES * page_bytes(), PAGES * page_bytes(), MREMAP_MAYMOVE | MREMAP_FIXED | flags, to) != MAP_FAILED)
		return true;
	run_fail_errno(run, "mremap");
	return false;
}

/* Oracle: what has just been moved away is complete. Nobody else knows this place. */
static void check_and_tag(struct run *run, struct zone *zone, uint64_t seen, uint64_t next)
{
	for (unsigned int page = 0; page < PAGES; page++) {
		uint64_t *word = area_word(zone->away, page, WORD_TAG);

		if (*(volatile uint64_t *)word != tag_make(0, page, seen))
			run_fail(run, "page %u arrived with %#llx, left with %#llx", page, (unsigned long long)*word,
				 (unsigned long long)tag_make(0, page, seen));
		*word = tag_make(0, page, next);
	}
}

static void travel(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	for (uint64_t generation = 1; worker_continue(worker); generation++) {
		claim_update(&zone->claim, CLAIM_RW | MAY_BE_ZERO | MAY_LOSE_WRITES);
		if (run_sabotaged(run, "dontunmap-loses"))
			area_advise(run, zone->home, 1, MADV_DONTNEED);
		if (!go(run, zone->home, zone->away, MREMAP_DONTUNMAP))
			return;
		if (run_sabotaged(run, "dontunmap-copies"))
			area_tag(zone->home, PAGES, 0, generation);
		/* the new generation has no pages at home yet: any tag seen there now is an old one */
		claim_publish(&zone->claim, generation + 1, CLAIM_RW | MAY_BE_ZERO);
		rng_dither_below(&worker->rng, 3);
		check_and_tag(run, zone, generation, generation + 1);
		claim_update(&zone->claim, CLAIM_RW | MAY_BE_ZERO | MAY_LOSE_WRITES);
		if (!go(run, zone->away, zone->home, 0))
			return;
		claim_update(&zone->claim, CLAIM_RW);
		rng_dither_below(&worker->rng, 3);
		worker_did(worker);
	}
}

/* older than Linux 5.7? */
static bool available(struct zone *zone)
{
	void *got = mremap(zone->home, PAGES * page_bytes(), PAGES * page_bytes(),
			   MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, zone->away);

	return got != MAP_FAILED || errno != EINVAL;
}

void dontunmap(struct run *run)
{
	struct zone zone = { .home = area_reserve(run, PAGES), .away = area_reserve(run, PAGES) };
	const struct role roles[] = {
		{ .name = "traveller", .body = travel, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 1, 2), .arg = &zone.touched },
	};

	if (!zone.home || !zone.away)
		return;
	if (area_map(run, zone.home, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	if (!available(&zone)) {
		run_skip(run, "MREMAP_DONTUNMAP is not available");
		return;
	}
	area_map(run, zone.home, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0);
	area_tag(zone.home, PAGES, 0, 1);
	claim_publish(&zone.claim, 1, CLAIM_RW);
	zone.touched = (struct touched){
		.base = zone.home, .pages = PAGES, .claims = &zone.claim, .one_claim = true,
		.want = { .zero_while_changing = true, .always_mapped = true },
	};
	touched_count(run, &zone.touched, false);
	crew_run(run, roles, COUNT_OF(roles));
}
