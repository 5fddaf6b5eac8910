/* remap-during-fork: a range is unmapped and mapped while another thread forks. What the remapper says about the range
 * (the claim) lies in private memory, so the child has the claim of the very instant it was copied at: if that says
 * "settled", the child's copy of the mapping has to agree, and nothing can change in between.
 *
 * Oracles (claim.c, in the child): SIGSEGV or zero although settled as filled -> fork missed a VMA or page that was
 * just attached or merged. Access succeeds although settled as unmapped -> a detached VMA was copied. */
#define _GNU_SOURCE
#include "clock.h"
#include "subtests.h"

#define PAGES 8

struct zone {
	struct claim claim;
	void *base;
	struct touched touched;
	struct slot *settled;           /* children that could judge exactly */
};

static void remap(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	for (uint64_t generation = 1; worker_continue(worker); generation++) {
		int64_t began = clock_ns();

		claim_update(&zone->claim, CLAIM_ANY);
		if (!run_sabotaged(run, "fork-stale-page"))
			area_unmap(run, zone->base, PAGES);
		claim_publish(&zone->claim, generation + 1, CLAIM_NONE);
		rng_dither(&worker->rng);
		claim_update(&zone->claim, CLAIM_ANY | MAY_BE_ZERO);
		if (area_map(run, zone->base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
			return;
		area_tag(zone->base, PAGES, 0, generation + 1);
		if (run_sabotaged(run, "fork-lost-page"))
			area_advise(run, area_word(zone->base, 2, 0), 1, MADV_DONTNEED);
		claim_update(&zone->claim, CLAIM_RW);
		/* as long as the change took: every second fork then meets a settled range, on a slow kernel too */
		for (int64_t until = 2 * clock_ns() - began; clock_ns() < until && worker_continue(worker);)
			rng_dither(&worker->rng);
		worker_did(worker);
	}
}

static void look_as_child(struct run *run, void *arg)
{
	struct zone *zone = arg;
	unsigned int may = claim_may(claim_read(&zone->claim));
	uint64_t value;

	for (unsigned int page = 0; page < PAGES; page++) {
		struct expected want = { .page = page, .zero_while_changing = true };

		if (claim_checked_load(run, &zone->claim, area_word(zone->base, page, WORD_TAG), want, &value) == ACCESS_OK)
			claim_checked_store(run, &zone->claim, area_word(zone->base, page, WORD_OF_THREAD(40)), value);
	}
	if (may == CLAIM_RW || may == CLAIM_NONE)
		slot_hit(zone->settled);
}

static void fork_often(struct worker *worker)
{
	while (worker_continue(worker)) {
		child_wait(worker->run, child_start(worker->run, look_as_child, worker->arg));
		worker_did(worker);
	}
}

void remap_during_fork(struct run *run)
{
	struct zone zone = { .base = area_reserve(run, PAGES) };
	const struct role roles[] = {
		{ .name = "forker", .body = fork_often, .count = 1, .arg = &zone },
		{ .name = "remapper", .body = remap, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 2, 1), .arg = &zone.touched },
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
	zone.settled = run_event(run, SLOT_REQUIRED, "settled_children");
	crew_run(run, roles, COUNT_OF(roles));
}
