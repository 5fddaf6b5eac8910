/* anon-remap: one range is unmapped and mapped again, over and over, under threads that read and write it.
 *
 * Oracles (claim.c): a load succeeds while the range is settled as unmapped -> a fault put a page into a mapping that
 * was gone (writer did not wait for readers, detached VMA still lockable). SIGSEGV while settled as mapped -> VMA not
 * attached, or a stale one was looked up. Zero or an old generation while filled -> a page was installed twice or
 * survived its mapping. A thread's own word lost -> two faults, two pages. */
#include "subtests.h"

#define PAGES 16

struct zone {
	struct claim claim;             /* one for all pages: they change together */
	void *base;
	struct touched touched;
};

static void hold(struct worker *worker)
{
	for (unsigned int i = rng_below(&worker->rng, 12); i > 0 && worker_continue(worker); i--)
		rng_dither(&worker->rng);
}

static void remap(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	for (uint64_t generation = 1; worker_continue(worker); generation++) {
		if (run_sabotaged(run, "early-unmap"))
			area_unmap(run, zone->base, PAGES);
		if (run_sabotaged(run, "lost-page"))
			area_advise(run, zone->base, PAGES, MADV_DONTNEED);
		hold(worker);
		claim_update(&zone->claim, CLAIM_ANY);
		rng_dither(&worker->rng);
		if (!run_sabotaged(run, "stale-page"))
			area_unmap(run, zone->base, PAGES);
		claim_publish(&zone->claim, generation + 1, CLAIM_NONE);
		hold(worker);
		claim_update(&zone->claim, CLAIM_ANY | MAY_BE_ZERO);
		if (area_map(run, zone->base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
			return;
		/* readers and this thread fault on the fresh pages at the same time */
		rng_dither(&worker->rng);
		area_tag(zone->base, PAGES, 0, generation + 1);
		claim_update(&zone->claim, CLAIM_RW);
		worker_did(worker);
	}
}

void anon_remap(struct run *run)
{
	struct zone zone = { .base = area_reserve(run, PAGES) };
	const struct role roles[] = {
		{ .name = "remapper", .body = remap, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .arg = &zone.touched,
		  .count = run_threads_left(run, 1, 2) },
	};

	if (!zone.base || area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	area_tag(zone.base, PAGES, 0, 1);
	claim_publish(&zone.claim, 1, CLAIM_RW);
	zone.touched = (struct touched){
		.base = zone.base, .pages = PAGES, .claims = &zone.claim, .one_claim = true,
		.want.zero_while_changing = true,
	};
	touched_count(run, &zone.touched, true);
	crew_run(run, roles, COUNT_OF(roles));
}
