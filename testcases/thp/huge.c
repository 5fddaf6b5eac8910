/* huge-split: single pages of huge pages change their protection and their VMA's flags, so that VMA and huge page are
 * split; now and then the area is made anew, huge again. huge-remap: whole huge pages are unmapped and mapped.
 *
 * Oracles (claim.c), on a few pages of each huge page: a refusal on a settled page -> the fault used the VMA of the other
 * half. A lost word or another page's tag -> a split mapped a wrong part of the huge page, or a small page was installed
 * beside it. Access while settled as unmapped -> a huge page came in behind the unmap. */
#define _GNU_SOURCE
#include "counters.h"
#include "subtests.h"

#define HUGE_PAGES 2
#define STRIDE 16                       /* of the pages that are looked at */

struct zone {
	struct claim claim[HUGE_PAGES * SMALL_MAX / STRIDE];
	char *base;
	unsigned int pages;             /* looked at, in all */
	struct touched touched;
};

static uint64_t *word_of(struct zone *zone, unsigned int page)
{
	return area_word(zone->base, page * STRIDE, WORD_TAG);
}

static bool map_huge(struct run *run, struct zone *zone, unsigned int first, unsigned int count, uint64_t generation)
{
	char *at = (char *)area_word(zone->base, first * STRIDE, 0);
	unsigned int shift = run_sabotaged(run, "huge-wrong-page") ? 1 : 0;

	if (area_map(run, at, count * STRIDE, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return false;
	area_advise(run, at, count * STRIDE, MADV_HUGEPAGE);
	for (unsigned int page = first; page < first + count; page++)
		*(volatile uint64_t *)word_of(zone, page) = tag_make(0, page + shift, generation);
	return true;
}

static void settle(struct zone *zone, unsigned int first, unsigned int count, uint64_t generation, unsigned int may)
{
	claims_publish(&zone->claim[first], count, generation, may);
}

static void remake(struct worker *worker, unsigned int first, unsigned int count, uint64_t generation)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	settle(zone, first, count, generation, CLAIM_ANY);
	if (!run_sabotaged(run, "huge-stale"))
		area_unmap(run, word_of(zone, first), count * STRIDE);
	settle(zone, first, count, generation + 1, CLAIM_NONE);
	rng_dither(&worker->rng);
	settle(zone, first, count, generation + 1, CLAIM_ANY | MAY_BE_ZERO);
	if (map_huge(run, zone, first, count, generation + 1))
		settle(zone, first, count, generation + 1, CLAIM_RW);
}

static void split(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;
	uint64_t generation = 1;

	for (unsigned int round = 1; worker_continue(worker); round++) {
		unsigned int page = rng_below(&worker->rng, zone->pages);
		void *at = word_of(zone, page);

		if (rng_one_in(&worker->rng, 2)) {
			area_advise(run, at, 1, MADV_DONTDUMP);
			rng_dither(&worker->rng);
			area_advise(run, at, 1, MADV_DODUMP);
		} else {
			claim_update(&zone->claim[page], CLAIM_ANY);
			area_protect(run, at, 1, PROT_READ);
			claim_update(&zone->claim[page], run_sabotaged(run, "huge-protected") ? CLAIM_RW : CLAIM_RO);
			rng_dither(&worker->rng);
			claim_update(&zone->claim[page], CLAIM_ANY);
			area_protect(run, at, 1, PROT_READ | PROT_WRITE);
			claim_update(&zone->claim[page], CLAIM_RW);
		}
		if (run_sabotaged(run, "huge-lost"))
			area_advise(run, at, 1, MADV_DONTNEED);
		/* split pages stay split: what is to be split again must be made anew */
		if (round % 8 == 0)
			remake(worker, 0, zone->pages, generation++);
		worker_did(worker);
	}
}

static void remap(struct worker *worker)
{
	struct zone *zone = worker->arg;
	unsigned int each = zone->pages / HUGE_PAGES;
	uint64_t generation[HUGE_PAGES] = { 1, 1 };

	while (worker_continue(worker)) {
		unsigned int which = rng_below(&worker->rng, HUGE_PAGES);

		remake(worker, which * each, each, generation[which]++);
		rng_dither_below(&worker->rng, 12);
		worker_did(worker);
	}
}

static bool prepare(struct run *run, struct zone *zone)
{
	static const char *const huge[] = { "thp_fault_alloc" };
	struct counters before, after;

	zone->base = reserve_huge(run, HUGE_PAGES, &zone->pages);
	if (!zone->base)
		return false;
	zone->pages /= STRIDE;
	counters_read(&before);
	if (!map_huge(run, zone, 0, zone->pages, 1))
		return false;
	counters_read(&after);
	if (counters_still(&before, &after, huge, COUNT_OF(huge))) {
		run_skip(run, "no huge page was to be had: little memory, or in pieces");
		return false;
	}
	settle(zone, 0, zone->pages, 1, CLAIM_RW);
	zone->touched = (struct touched){
		.base = zone->base, .pages = zone->pages, .stride = STRIDE, .claims = zone->claim,
		.want.zero_while_changing = true,
	};
	touched_count(run, &zone->touched, true);
	return true;
}

static void go(struct run *run, const char *name, void (*body)(struct worker *worker))
{
	struct zone zone = { 0 };
	const struct role roles[] = {
		{ .name = name, .body = body, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 1, 2), .arg = &zone.touched },
	};

	if (prepare(run, &zone))
		crew_run(run, roles, COUNT_OF(roles));
}

void huge_split(struct run *run)
{
	go(run, "splitter", split);
}

void huge_remap(struct run *run)
{
	go(run, "remapper", remap);
}
