// SPDX-License-Identifier: GPL-2.0-only
/* fresh-borders: a writable stretch between two read-only ones, whose ends move. What becomes read-only has just been
 * thrown away, so threads that store there are on their way through page faults, with a VMA that ends in front of them by
 * now, and stays writable: only the lock of the VMA that shrinks keeps them from mapping a writable page beyond its end.
 * moving-border, where pages stay, hardly ever meets such a fault.
 *
 * Oracles: (1) below: there is no page when mprotect() has returned, and later there is one that is not zero. (2) claim.c:
 * a store that succeeds in what is settled as read-only. Both: the VMA that shrank was not locked, or its readers not
 * waited for. A refusal of what is settled as writable -> the fault used the neighbour's VMA. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "subtests.h"

#define PAGES 12
#define LEAST 2                         /* pages of each stretch */
#define PAGEMAP_SOMETHING (UINT64_C(3) << 62)   /* present, or an entry of another kind */

struct zone {
	struct claim claim[PAGES];
	void *base;
	int pagemap;
	unsigned int left, right;       /* the first writable page, and the first behind the last */
	unsigned int writers;
	bool missing[PAGES];            /* the changer's: read-only, and no page was there */
	struct touched touched;
};

static void settle(struct zone *zone, unsigned int first, unsigned int end, unsigned int may)
{
	claims_update(&zone->claim[first], end - first, may | MAY_BE_ZERO | MAY_LOSE_WRITES);
}

static void give(struct worker *worker, unsigned int first, unsigned int end)
{
	struct zone *zone = worker->arg;

	settle(zone, first, end, CLAIM_ANY);
	area_protect(worker->run, area_word(zone->base, first, 0), end - first, PROT_READ | PROT_WRITE);
	settle(zone, first, end, CLAIM_RW);
}

static void note_missing(struct worker *worker, unsigned int first, unsigned int end)
{
	struct zone *zone = worker->arg;
	uint64_t entries[PAGES];
	size_t bytes = (end - first) * sizeof(entries[0]);

	if (pread(zone->pagemap, entries, bytes, (uintptr_t)area_word(zone->base, first, 0) / page_bytes() * sizeof(entries[0])) !=
	    (ssize_t)bytes) {
		run_fail_errno(worker->run, "reading /proc/self/pagemap");
		return;
	}
	for (unsigned int page = first; page < end; page++)
		zone->missing[page] = !(entries[page - first] & PAGEMAP_SOMETHING);
}

static void take(struct worker *worker, unsigned int first, unsigned int end)
{
	struct zone *zone = worker->arg;
	void *at = area_word(zone->base, first, 0);
	bool skip = run_sabotaged(worker->run, "borders-stay") || run_sabotaged(worker->run, "borders-unclaimed");

	if (first == end)
		return;
	area_advise(worker->run, at, end - first, MADV_DONTNEED);
	settle(zone, first, end, CLAIM_ANY);
	if (!skip)
		area_protect(worker->run, at, end - first, PROT_READ);
	/* the second sabotage leaves the claim open, so that it is (1) alone that has to notice */
	settle(zone, first, end, run_sabotaged(worker->run, "borders-unclaimed") ? CLAIM_ANY : CLAIM_RO);
	note_missing(worker, first, end);
}

/* Oracle (1): what was missing in read-only memory can only have become zero. */
static void expect_zero(struct worker *worker)
{
	struct zone *zone = worker->arg;

	for (unsigned int page = 0; page < PAGES; page++) {
		for (unsigned int id = 0; zone->missing[page] && id < zone->writers; id++) {
			uint64_t value = *(volatile uint64_t *)area_word(zone->base, page, WORD_OF_THREAD(id));

			if (value)
				run_fail(worker->run, "written while read-only: page %u writer %u, was missing, has %#llx", page, id,
					 (unsigned long long)value);
		}
		zone->missing[page] = false;
	}
}

/* Wide and narrow in turn: much is taken when much is there to be faulted in. */
static void move_borders(struct worker *worker)
{
	struct zone *zone = worker->arg;

	worker_share_cpu();
	while (worker_continue(worker)) {
		unsigned int middle = LEAST + rng_below(&worker->rng, PAGES - 3 * LEAST + 1);
		bool left_first = rng_one_in(&worker->rng, 2);

		give(worker, LEAST, zone->left);
		give(worker, zone->right, PAGES - LEAST);
		rng_dither(&worker->rng);
		zone->left = middle;
		zone->right = middle + LEAST;
		if (left_first)
			take(worker, LEAST, zone->left);
		take(worker, zone->right, PAGES - LEAST);
		if (!left_first)
			take(worker, LEAST, zone->left);
		/* what comes late needs time for it */
		rng_dither_below(&worker->rng, 3);
		expect_zero(worker);
		worker_did(worker);
	}
}

void fresh_borders(struct run *run)
{
	struct zone zone = {
		.base = area_reserve(run, PAGES), .left = LEAST, .right = PAGES - LEAST,
		.writers = run_threads_left(run, 1, 2), .pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC),
	};
	const struct role roles[] = {
		{ .name = "mover", .body = move_borders, .count = 1, .arg = &zone },
		{ .name = "writer", .body = touch, .count = zone.writers, .arg = &zone.touched },
	};

	if (zone.pagemap < 0) {
		run_skip(run, "no /proc/self/pagemap");
		return;
	}
	if (!zone.base || area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	/* all parts must have the same anon_vma and be accounted alike, or they do not merge */
	area_tag(zone.base, 1, 0, 1);
	area_protect(run, zone.base, LEAST, PROT_READ);
	area_protect(run, area_word(zone.base, PAGES - LEAST, 0), LEAST, PROT_READ);
	for (unsigned int page = 0; page < PAGES; page++)
		claim_publish(&zone.claim[page], 1, MAY_BE_ZERO | MAY_LOSE_WRITES |
			      (page < zone.left || page >= zone.right ? CLAIM_RO : CLAIM_RW));
	zone.touched = (struct touched){
		.base = zone.base, .pages = PAGES, .claims = zone.claim, .leaves_cpu = true,
		.want.zero_while_changing = true,
	};
	touched_count(run, &zone.touched, true);
	crew_run(run, roles, COUNT_OF(roles));
	close(zone.pagemap);
}
