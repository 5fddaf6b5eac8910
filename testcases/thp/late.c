// SPDX-License-Identifier: GPL-2.0-only
/* late-huge: a range is mapped anew and may have huge pages; threads make one by touching its first pages. To clear it takes
 * a hundred times as long as other page faults do. Meanwhile the range is told to have none any more, and is emptied. From
 * then on only small pages can come, which are those that are touched.
 *
 * Oracles: the promise: pages that nobody has touched since are not there -> madvise() changed a VMA without waiting for a
 * fault that had looked at its flags before. claim.c: a refusal while it is settled as accessible. */
#include "subtests.h"

#define TOUCHERS 2                      /* a small page that one more touches keeps the huge one of the others out */
#define LINGER_MS 3                     /* about as long as to clear a huge page */

static unsigned int resident(struct run *run, struct range *range)
{
	unsigned char in_core[SMALL_MAX] = { 0 };
	unsigned int found = 0;

	if (mincore(area_word(range->base, TOUCHED, 0), (range->pages - TOUCHED) * page_bytes(), in_core) != 0)
		run_fail_errno(run, "mincore");
	for (unsigned int page = 0; page < range->pages - TOUCHED; page++)
		found += in_core[page] & 1;
	return found;
}

static bool is_there(struct worker *worker)
{
	return resident(worker->run, worker->arg);
}

static void settle(struct range *range, uint64_t generation, unsigned int may)
{
	claims_publish(range->claim, TOUCHED, generation, may | MAY_BE_ZERO);
}

static void change_mind(struct worker *worker)
{
	struct range *range = worker->arg;
	struct run *run = worker->run;

	worker_share_cpu();
	for (uint64_t generation = 1; worker_continue(worker); generation++) {
		unsigned int found;

		settle(range, generation, CLAIM_ANY);
		if (!map_anew(run, range->base, range->pages))
			return;
		settle(range, generation, CLAIM_RW | MAY_LOSE_WRITES);
		/* now they fault; sometimes the huge page is to be there before the change */
		let_fault(worker, is_there);
		if (resident(run, range))
			slot_hit(range->huge);
		if (!run_sabotaged(run, "late-allowed"))
			area_advise(run, range->base, range->pages, MADV_NOHUGEPAGE);
		area_advise(run, range->base, range->pages, MADV_DONTNEED);
		settle(range, generation, CLAIM_RW);
		clock_sleep_ms(1 + rng_below(&worker->rng, LINGER_MS));
		found = resident(run, range);
		if (found)
			run_fail(run, "%u pages came in beside the %u that are touched, in a range without huge pages", found, TOUCHED);
		if (run_sabotaged(run, "late-refused"))
			area_protect(run, range->base, 1, PROT_NONE);
		worker_did(worker);
	}
}

void late_huge(struct run *run)
{
	struct range range = { 0 };
	const struct role roles[] = {
		{ .name = "changer", .body = change_mind, .count = 1, .arg = &range },
		{ .name = "toucher", .body = touch, .count = TOUCHERS, .arg = &range.touched },
	};

	range.base = reserve_huge(run, 1, &range.pages);
	if (!range.base)
		return;
	range_touched(run, &range);
	crew_run(run, roles, COUNT_OF(roles));
}
