/* remap-during-fork: a range is unmapped and mapped while another thread forks. What the remapper says about the range
 * (the claim) lies in private memory, so the child has the claim of the very instant it was copied at: if that says
 * "settled", the child's copy of the mapping has to agree, and nothing can change in between.
 *
 * Oracles (claim.c, in the child): SIGSEGV or zero although settled as filled -> fork missed a VMA or page that was
 * just attached or merged. Access succeeds although settled as unmapped -> a detached VMA was copied. */
#define _GNU_SOURCE
#include "clock.h"
#include "subtests.h"

#define LINGER_MAX_NS (100 * NS_PER_MS)         /* a change may have taken seconds, when the machine stood still */

struct zone {
	struct remapped range;
	struct slot *settled;           /* children that could judge exactly */
};

static void linger(struct worker *worker, int64_t wanted_ns)
{
	int64_t until = clock_ns() + (wanted_ns < LINGER_MAX_NS ? wanted_ns : LINGER_MAX_NS);

	while (clock_ns() < until && worker_continue(worker))
		rng_dither(&worker->rng);
}

static void remap_and_wait(struct worker *worker)
{
	struct remapped *range = worker->arg;
	struct run *run = worker->run;

	for (uint64_t generation = 2; worker_continue(worker); generation++) {
		int64_t began = clock_ns();

		claim_update(&range->claim, CLAIM_ANY);
		if (!run_sabotaged(run, "fork-stale-page"))
			area_unmap(run, range->base, range->pages);
		claim_publish(&range->claim, generation, CLAIM_NONE);
		rng_dither(&worker->rng);
		if (!remapped_map(run, range))
			return;
		area_tag(range->base, range->pages, 0, generation);
		if (run_sabotaged(run, "fork-lost-page"))
			area_advise(run, area_word(range->base, 2, 0), 1, MADV_DONTNEED);
		claim_update(&range->claim, CLAIM_RW);
		worker_did(worker);
		/* as long as the change took: every second fork then meets a settled range, on a slow kernel too */
		linger(worker, clock_ns() - began);
	}
}

static void look_as_child(struct run *run, void *arg)
{
	struct zone *zone = arg;
	struct remapped *range = &zone->range;
	unsigned int may = claim_may(claim_read(&range->claim));
	uint64_t value;

	for (unsigned int page = 0; page < range->pages; page++) {
		struct expected want = { .page = page, .zero_while_changing = true };

		if (claim_checked_load(run, &range->claim, area_word(range->base, page, WORD_TAG), want, &value) == ACCESS_OK)
			claim_checked_store(run, &range->claim, area_word(range->base, page, WORD_OF_THREAD(40)), value);
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
	struct zone zone = { .range.pages = 8 };
	const struct role roles[] = {
		{ .name = "forker", .body = fork_often, .count = 1, .arg = &zone },
		{ .name = "remapper", .body = remap_and_wait, .count = 1, .arg = &zone.range },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 2, 1), .arg = &zone.range.touched },
	};

	if (!remapped_start(run, &zone.range))
		return;
	zone.settled = run_event(run, SLOT_REQUIRED, "settled_children");
	crew_run(run, roles, COUNT_OF(roles));
}
