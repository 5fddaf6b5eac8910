// SPDX-License-Identifier: GPL-2.0
/* move-copies: a private mapping of a file, all of whose pages have been stored to, is split and
 * merged, and parts of it are moved away and back, where they merge again. Such VMAs are in two
 * reverse mappings, that of the file and that of the anonymous pages. Who changes limits takes both
 * locks, the file's first; so does who moves page tables between VMAs that may be met in the wrong
 * order.
 *
 * Oracles: the kernel's own, with lockdep: whoever takes the two locks the other way round is
 * caught as soon as both have been seen, also if nobody waited. And a page that comes back has what
 * was stored to it, not what the file has. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "subtests.h"

#define PAGES 16
#define RUN_MAX 4
#define IN_FILE 1
#define STORED 2

struct zone {
	struct claim claim[PAGES];
	void *base, *away;
	struct touched touched;
};

static bool move(struct run *run, void *from, void *to, unsigned int pages)
{
	if (mremap(from, pages * page_bytes(), pages * page_bytes(), MREMAP_MAYMOVE | MREMAP_FIXED,
		   to) == to)
		return true;
	run_fail_errno(run, "mremap");
	return false;
}

static void move_about(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	while (worker_continue(worker)) {
		unsigned int count = 1 + rng_below(&worker->rng, RUN_MAX);
		unsigned int first = rng_below(&worker->rng, PAGES - count + 1);
		void *home = area_word(zone->base, first, 0),
		     *away = area_word(zone->away, first, 0);

		claims_update(&zone->claim[first], count, CLAIM_ANY);
		if (rng_one_in(&worker->rng, 2)) {
			area_protect(run, home, count, PROT_READ);
			rng_dither(&worker->rng);
			area_protect(run, home, count, PROT_READ | PROT_WRITE);
		} else {
			if (!move(run, home, away, count))
				return;
			rng_dither(&worker->rng);
			if (!run_sabotaged(run, "copies-stay-away") &&
			    !move(run, away, home, count))
				return;
		}
		if (run_sabotaged(run, "copies-lost"))
			area_advise(run, home, count, MADV_DONTNEED);
		claims_update(&zone->claim[first], count, CLAIM_RW);
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}

void move_copies(struct run *run)
{
	struct zone zone = { .base = area_reserve(run, PAGES), .away = area_reserve(run, PAGES) };
	const struct role roles[] = {
		{ .name = "mover", .body = move_about, .count = 1, .arg = &zone },
		{ .name = "toucher",
		  .body = touch,
		  .count = run_threads_left(run, 1, 2),
		  .arg = &zone.touched },
	};
	int fd = area_tagged_file(run, 0, PAGES, IN_FILE);

	if (fd < 0 || !zone.base || !zone.away ||
	    area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) ==
		    MAP_FAILED)
		return;
	area_tag(zone.base, PAGES, 0, STORED);
	claims_publish(zone.claim, PAGES, STORED, CLAIM_RW);
	zone.touched = (struct touched){
		.base = zone.base, .pages = PAGES, .claims = zone.claim, .keeps_data = true
	};
	touched_count(run, &zone.touched, false);
	crew_run(run, roles, COUNT_OF(roles));
}
