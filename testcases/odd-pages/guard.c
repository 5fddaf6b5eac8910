// SPDX-License-Identifier: GPL-2.0-only
/* guard: page table entries are marked as guards (MADV_GUARD_INSTALL, Linux 6.13) and unmarked while threads fault on the pages,
 * their VMA is split and merged, and the process forks.
 *
 * Oracles (claim.c): a guarded page is refused, and zero when it is unguarded; a page that is not keeps what was written to it.
 * In a child the guards are where they were. */
#define _GNU_SOURCE
#include <errno.h>
#include <unistd.h>

#include "subtests.h"

#define PAGES 12
#define GUARD_INSTALL 102
#define GUARD_REMOVE 103

struct zone {
	struct run *run;
	void *base;
	uint64_t generation[PAGES];
	bool guarded[PAGES];            /* as the changer knows them */
	struct claim claim[PAGES];
	struct touched touched, split;
	struct slot *forks;
};

static void install(struct zone *zone, unsigned int first, unsigned int count)
{
	claims_update(&zone->claim[first], count, CLAIM_ANY | MAY_BE_ZERO | MAY_LOSE_WRITES);
	if (!run_sabotaged(zone->run, "guard-forgotten"))
		area_advise(zone->run, area_word(zone->base, first, 0), count, GUARD_INSTALL);
	if (run_sabotaged(zone->run, "guard-spreads") && first + count < PAGES)
		area_advise(zone->run, area_word(zone->base, first + count, 0), 1, GUARD_INSTALL);
	for (unsigned int page = first; page < first + count; page++) {
		zone->guarded[page] = true;
		claim_publish(&zone->claim[page], ++zone->generation[page], CLAIM_NONE);
	}
}

/* Pages that were not guarded stay as they are. */
static void uninstall(struct zone *zone, unsigned int first, unsigned int count)
{
	for (unsigned int page = first; page < first + count; page++)
		if (zone->guarded[page])
			claim_update(&zone->claim[page], CLAIM_ANY | MAY_BE_ZERO);
	area_advise(zone->run, area_word(zone->base, first, 0), count, GUARD_REMOVE);
	for (unsigned int page = first; page < first + count; page++) {
		if (!zone->guarded[page])
			continue;
		claim_update(&zone->claim[page], CLAIM_RW | MAY_BE_ZERO);
		*(volatile uint64_t *)area_word(zone->base, page, WORD_TAG) = tag_make(0, page, zone->generation[page]);
		claim_update(&zone->claim[page], CLAIM_RW);
		zone->guarded[page] = false;
	}
}

static void look_as_child(struct run *run, void *arg)
{
	struct zone *zone = arg;

	for (unsigned int page = 0; page < PAGES; page++) {
		uint64_t value = 0;
		enum access got = fault_load(area_word(zone->base, page, WORD_TAG), &value);
		bool fair = zone->guarded[page] ? got == ACCESS_SEGV :
						  got == ACCESS_OK && value == tag_make(0, page, zone->generation[page]);

		if (!fair)
			run_fail(run, "child: page %u, %s: %s, %#llx", page, zone->guarded[page] ? "guarded" : "not guarded",
				 access_name(got), (unsigned long long)value);
	}
}

static void change(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		unsigned int first = rng_below(&worker->rng, PAGES), count = 1 + rng_below(&worker->rng, PAGES - first);

		switch (rng_below(&worker->rng, 5)) {
		case 0:
		case 1:
			install(zone, first, count);
			break;
		case 2:
			child_wait(worker->run, child_start(worker->run, look_as_child, zone));
			slot_hit(zone->forks);
			break;
		default:
			uninstall(zone, first, count);
		}
		rng_dither_below(&worker->rng, 4);
		worker_did(worker);
	}
}

void guard(struct run *run)
{
	static struct zone zone;
	const struct role roles[] = {
		{ .name = "changer", .body = change, .count = 1, .arg = &zone },
		{ .name = "splitter", .body = split_pages, .count = 1, .arg = &zone.split },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 2, 2), .arg = &zone.touched },
	};

	zone = (struct zone){ .run = run, .base = area_reserve(run, PAGES) };
	if (!zone.base || area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	if (madvise(zone.base, page_bytes(), GUARD_REMOVE) != 0) {
		run_skip(run, "no MADV_GUARD_INSTALL (Linux 6.13): errno %d", errno);
		return;
	}
	for (unsigned int page = 0; page < PAGES; page++)
		zone.generation[page] = 1;
	area_tag(zone.base, PAGES, 0, 1);
	claims_publish(zone.claim, PAGES, 1, CLAIM_RW);
	zone.touched = (struct touched){
		.base = zone.base, .pages = PAGES, .claims = zone.claim, .want.zero_while_changing = true,
	};
	zone.split = (struct touched){ .base = zone.base, .pages = PAGES };
	zone.forks = run_event(run, SLOT_REQUIRED, "forks");
	touched_count(run, &zone.touched, true);
	crew_run(run, roles, COUNT_OF(roles));
}
