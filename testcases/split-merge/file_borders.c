// SPDX-License-Identifier: GPL-2.0-only
/* file-borders: a long mapping of a file loses its first pages to a neighbour, by advice or as a hole, and gets them back,
 * as fast as can be. Each time its start and its offset into the file change, in two steps. Threads fault on the rest of
 * it, and on nothing else: each has a stretch that it stores to page by page, throws away as a whole, and begins anew. So
 * there are some hundred thousand pairs of a fault and a change each second, of which one in some ten thousand can meet.
 *
 * Oracles: a page of the file with the number of another, or a refusal -> a fault came between the two steps: whoever
 * merged or split did not lock the VMA whose start it moved, or a fault has kept its start and not its offset. */
#define _GNU_SOURCE
#include <sys/resource.h>
#include <unistd.h>

#include "subtests.h"

#define HEAD 8                          /* pages that come and go */
#define STRETCH 256                     /* pages of each thread */
#define STRETCHES_MAX 8
#define FAULTER_NICE 10                 /* as in lib/toucher.c */
#define MAGIC (UINT64_C(0x66696c65) << 32)

struct zone {
	void *base;
	int fd;
	unsigned int stretches, pages;
	struct slot *merged, *filled;
};

static uint64_t number(unsigned int page)
{
	return MAGIC | page;
}

static void advise_head(struct worker *worker, unsigned int pages)
{
	struct zone *zone = worker->arg;

	/* the head becomes a VMA of its own, and is then taken into the rest: page by page, or at once */
	area_advise(worker->run, zone->base, pages, MADV_DONTDUMP);
	while (pages > 0) {
		unsigned int some = 1 + rng_below(&worker->rng, pages);

		pages -= some;
		area_advise(worker->run, area_word(zone->base, pages, 0), some, MADV_DODUMP);
	}
	slot_hit(zone->merged);
}

/* mmap() merges with what follows, or with what is on both sides */
static void map_head(struct worker *worker, unsigned int pages)
{
	struct zone *zone = worker->arg;
	unsigned int first = rng_one_in(&worker->rng, 2) ? rng_below(&worker->rng, pages) : 0;
	void *at = area_word(zone->base, first, 0);

	area_unmap(worker->run, at, pages - first);
	area_map(worker->run, at, pages - first, PROT_READ | PROT_WRITE, MAP_SHARED, zone->fd, first);
	slot_hit(zone->filled);
}

static void sabotage(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;
	void *at = area_word(zone->base, HEAD, 0);

	if (run_sabotaged(run, "file-shifted"))
		area_map(run, at, 1, PROT_READ | PROT_WRITE, MAP_SHARED, zone->fd, HEAD + 1);
	if (run_sabotaged(run, "file-refused"))
		area_protect(run, at, 1, PROT_NONE);
}

static void move_start(struct worker *worker)
{
	sabotage(worker);
	while (worker_continue(worker)) {
		unsigned int pages = 1 + rng_below(&worker->rng, HEAD - 1);

		if (rng_one_in(&worker->rng, 4))
			map_head(worker, pages);
		else
			advise_head(worker, pages);
		worker_did(worker);
	}
}

/* mine: to be stored first, because a load would map the pages around it, too; 0: nothing */
static void check(struct worker *worker, unsigned int page, uint64_t mine)
{
	struct zone *zone = worker->arg;
	uint64_t *word = area_word(zone->base, page, WORD_OF_THREAD(worker->id)), tag = 0;
	enum access stored = mine ? fault_store(word, mine) : ACCESS_OK;
	enum access loaded = fault_load(area_word(zone->base, page, WORD_TAG), &tag);

	if (stored != ACCESS_OK || loaded != ACCESS_OK)
		run_fail(worker->run, "page %u at %p: store %s, load %s", page, (void *)word, access_name(stored),
			 access_name(loaded));
	else if (tag != number(page))
		run_fail(worker->run, "page %u at %p has %#llx, the file %#llx", page, (void *)word,
			 (unsigned long long)tag, (unsigned long long)number(page));
}

static void fault_in(struct worker *worker)
{
	struct zone *zone = worker->arg;
	unsigned int first = HEAD + worker->id % zone->stretches * STRETCH;

	/* left alone, whoever changes would wait for its turn most of the time */
	setpriority(PRIO_PROCESS, gettid(), FAULTER_NICE);
	for (uint64_t pass = 1; worker_continue(worker); pass++) {
		bool stores = pass % 4 != 0;

		for (unsigned int page = first; page < first + STRETCH && worker_continue(worker); page++) {
			check(worker, page, stores ? pass : 0);
			worker_counted(worker);
		}
		area_advise(worker->run, area_word(zone->base, first, 0), STRETCH, MADV_DONTNEED);
		worker_did(worker);
	}
}

void file_borders(struct run *run)
{
	unsigned int faulters = run_threads_left(run, 1, 2);
	struct zone zone = { .stretches = faulters < STRETCHES_MAX ? faulters : STRETCHES_MAX };
	const struct role roles[] = {
		{ .name = "mover", .body = move_start, .count = 1, .arg = &zone },
		{ .name = "faulter", .body = fault_in, .count = faulters, .arg = &zone },
	};

	zone.pages = HEAD + zone.stretches * STRETCH;
	zone.base = area_reserve(run, zone.pages);
	zone.fd = area_tagged_file(run, 0, zone.pages, 1);
	if (!zone.base || zone.fd < 0 ||
	    area_map(run, zone.base, zone.pages, PROT_READ | PROT_WRITE, MAP_SHARED, zone.fd, 0) == MAP_FAILED)
		return;
	for (unsigned int page = 0; page < zone.pages; page++)
		*area_word(zone.base, page, WORD_TAG) = number(page);
	zone.merged = run_event(run, SLOT_REQUIRED, "merged");
	zone.filled = run_event(run, SLOT_REQUIRED, "filled");
	crew_run(run, roles, COUNT_OF(roles));
}
