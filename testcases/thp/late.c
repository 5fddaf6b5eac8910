// SPDX-License-Identifier: GPL-2.0-only
/* late-huge: a range is mapped anew and may have huge pages; threads make one by touching its first pages. To clear it takes
 * a hundred times as long as other page faults do. Meanwhile the range is told to have none any more, and is emptied. From
 * then on only small pages can come, which are those that are touched.
 *
 * Oracles: the promise: pages that nobody has touched since are not there -> madvise() changed a VMA without waiting for a
 * fault that had looked at its flags before. claim.c: a refusal while it is settled as accessible. */
#include "subtests.h"

#define TOUCHED 4                       /* the first pages of it */
#define TOUCHERS 2                      /* a small page that one more touches keeps the huge one of the others out */
#define LINGER_MS 3                     /* about as long as to clear a huge page */

struct zone {
	struct claim claim[TOUCHED];
	void *base;
	unsigned int pages;             /* small ones, in all */
	struct slot *huge;
	struct touched touched;
};

static unsigned int resident(struct run *run, struct zone *zone)
{
	unsigned char in_core[SMALL_MAX] = { 0 };
	unsigned int found = 0;

	if (mincore(area_word(zone->base, TOUCHED, 0), (zone->pages - TOUCHED) * page_bytes(), in_core) != 0)
		run_fail_errno(run, "mincore");
	for (unsigned int page = 0; page < zone->pages - TOUCHED; page++)
		found += in_core[page] & 1;
	return found;
}

static void settle(struct zone *zone, uint64_t generation, unsigned int may)
{
	claims_publish(zone->claim, TOUCHED, generation, may | MAY_BE_ZERO);
}

static void change_mind(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	worker_share_cpu();
	for (uint64_t generation = 1; worker_continue(worker); generation++) {
		unsigned int found;

		settle(zone, generation, CLAIM_ANY);
		if (!map_anew(run, zone->base, zone->pages))
			return;
		settle(zone, generation, CLAIM_RW | MAY_LOSE_WRITES);
		/* now they fault; sometimes the huge page is to be there before the change */
		if (!rng_one_in(&worker->rng, 3))
			clock_sleep_ms(1);
		if (resident(run, zone))
			slot_hit(zone->huge);
		if (!run_sabotaged(run, "late-allowed"))
			area_advise(run, zone->base, zone->pages, MADV_NOHUGEPAGE);
		area_advise(run, zone->base, zone->pages, MADV_DONTNEED);
		settle(zone, generation, CLAIM_RW);
		clock_sleep_ms(1 + rng_below(&worker->rng, LINGER_MS));
		found = resident(run, zone);
		if (found)
			run_fail(run, "%u pages came in beside the %u that are touched, in a range without huge pages", found, TOUCHED);
		if (run_sabotaged(run, "late-refused"))
			area_protect(run, zone->base, 1, PROT_NONE);
		worker_did(worker);
	}
}

void late_huge(struct run *run)
{
	struct zone zone = { 0 };
	const struct role roles[] = {
		{ .name = "changer", .body = change_mind, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = TOUCHERS, .arg = &zone.touched },
	};

	zone.base = reserve_huge(run, 1, &zone.pages);
	if (!zone.base)
		return;
	settle(&zone, 1, CLAIM_ANY);
	zone.touched = (struct touched){
		.base = zone.base, .pages = TOUCHED, .claims = zone.claim, .write_only = true, .leaves_cpu = true,
		.want.zero_while_changing = true,
	};
	zone.huge = run_event(run, SLOT_REQUIRED, "huge");
	touched_count(run, &zone.touched, false);
	crew_run(run, roles, COUNT_OF(roles));
}
