// SPDX-License-Identifier: GPL-2.0-only
/* order: each writer stores to a low page and then to a high one, over and over; between them lie so many pages that a fork is
 * busy with them for longer than a page fault takes. Low and high are in page tables of their own, since fork keeps a table
 * locked while it copies it. After each fork all pages are read-only, so most stores are page faults.
 *
 * Oracle: the child has a low word at least as new as the high one of the pair. A newer high one: the writer's fault on the low
 * page, which had been copied, did not wait for the fork -> the VMA of the parent was not locked, or too late. */
#define _GNU_SOURCE
#include "subtests.h"

#define TABLE 512u                      /* pages of a page table */
#define PAIRS 96u                       /* at the beginning of the first table, and of the last */
#define BETWEEN 2u                      /* tables full of pages */
#define PAGES (TABLE * (1 + BETWEEN) + PAIRS)

struct zone {
	char *base;
	unsigned int writers;
};

static volatile uint64_t *low(const struct zone *zone, unsigned int pair, unsigned int id)
{
	return area_word(zone->base, pair, WORD_OF_THREAD(id));
}

static volatile uint64_t *high(const struct zone *zone, unsigned int pair, unsigned int id)
{
	return area_word(zone->base, TABLE * (1 + BETWEEN) + pair, WORD_OF_THREAD(id));
}

static void write_pairs(struct worker *worker)
{
	struct zone *zone = worker->arg;
	bool reversed = run_sabotaged(worker->run, "order-reversed");
	uint64_t stored[PAIRS] = { 0 };

	worker_leave_cpu();
	for (uint64_t count = 1; worker_continue(worker); count++) {
		unsigned int pair = rng_below(&worker->rng, PAIRS);
		volatile uint64_t *first = low(zone, pair, worker->id), *second = high(zone, pair, worker->id);

		/* Oracle: what was stored is still there: no page was copied for two. */
		if (*first != stored[pair] || *second != stored[pair]) {
			run_fail(worker->run, "pair %u: stored %#llx, saw %#llx and %#llx", pair, (unsigned long long)stored[pair],
				 (unsigned long long)*first, (unsigned long long)*second);
			return;
		}
		*(reversed ? second : first) = count;
		rng_dither(&worker->rng);
		*(reversed ? first : second) = count;
		stored[pair] = run_sabotaged(worker->run, "order-forgets") ? 0 : count;
		worker_did(worker);
	}
}

static void look_as_child(struct run *run, void *arg)
{
	const struct zone *zone = arg;

	for (unsigned int id = 0; id < zone->writers; id++)
		for (unsigned int pair = 0; pair < PAIRS; pair++)
			if (*low(zone, pair, id) < *high(zone, pair, id))
				run_fail(run, "child: pair %u of writer %u: low %#llx is older than high %#llx", pair, id,
					 (unsigned long long)*low(zone, pair, id),
					 (unsigned long long)*high(zone, pair, id));
}

static void fork_often(struct worker *worker)
{
	worker_share_cpu();
	while (worker_continue(worker)) {
		child_wait(worker->run, child_start(worker->run, look_as_child, worker->arg));
		worker_did(worker);
	}
}

void order(struct run *run)
{
	char *reserved = area_reserve(run, PAGES + TABLE);
	size_t table_bytes = TABLE * page_bytes();
	struct zone zone = { .writers = run_threads_left(run, 1, 2) };
	const struct role roles[] = {
		{ .name = "forker", .body = fork_often, .count = 1, .arg = &zone },
		{ .name = "writer", .body = write_pairs, .count = zone.writers, .arg = &zone },
	};

	if (!reserved)
		return;
	zone.base = reserved + (table_bytes - (uintptr_t)reserved % table_bytes) % table_bytes;
	if (area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	/* where huge pages are for everybody: one entry is copied in no time */
	madvise(zone.base, PAGES * page_bytes(), MADV_NOHUGEPAGE);
	area_tag(zone.base, PAGES, 0, 0);
	crew_run(run, roles, COUNT_OF(roles));
}
