// SPDX-License-Identifier: GPL-2.0-only
/* file-borders, anon-borders, stack-borders: a long mapping loses its first pages to a neighbour, by advice or as a hole, and
 * gets them back, as fast as can be; a stack grows into the hole. Each time its start and its offset (into the file, or what
 * stands for it) change, in two steps. Threads fault on the rest of it, and do nothing else: each has a stretch that it
 * stores to page by page, throws away as a whole, and begins anew. A fault and a change meet often enough to find the
 * start of before with the offset of after, if nothing else keeps them apart.
 *
 * Oracles: a page of the file with the number of another, or a refusal. An anonymous page that cannot be reclaimed: it has a
 * wrong offset, by which the kernel looks for who maps it (reclaim.h). Both: whoever merged, split or expanded did not lock
 * the VMA whose start it moved. */
#include <sys/prctl.h>

#include "reclaim.h"
#include "subtests.h"

#define HEAD 8u                         /* pages that come and go */
#define STRETCH 256u                    /* pages of each thread */
#define FAULTERS_MAX 8u
#define MAGIC (UINT64_C(0x66696c65) << 32)

struct zone {
	void *base;
	int fd;                         /* -1: anonymous */
	int flags;                      /* of mmap() */
	struct reclaim reclaim;
	struct slot *moved;
};

static uint64_t number(unsigned int page)
{
	return MAGIC | page;
}

/* the head becomes a VMA of its own, and is then taken into the rest: page by page, or at once */
static void advise_head(struct worker *worker, unsigned int pages)
{
	struct zone *zone = worker->arg;

	area_advise(worker->run, zone->base, pages, MADV_DONTDUMP);
	while (pages > 0) {
		unsigned int some = 1 + rng_below(&worker->rng, pages);

		pages -= some;
		area_advise(worker->run, area_word(zone->base, pages, 0), some, MADV_DODUMP);
	}
}

/* mmap() merges with what follows, sometimes with what is on both sides */
static void map_head(struct worker *worker, unsigned int pages)
{
	struct zone *zone = worker->arg;
	unsigned int first = rng_one_in(&worker->rng, 4) ? rng_below(&worker->rng, pages) : 0;
	void *at = area_word(zone->base, first, 0);

	area_unmap(worker->run, at, pages - first);
	area_map(worker->run, at, pages - first, PROT_READ | PROT_WRITE, zone->flags, zone->fd, first);
}

/* page by page, downwards */
static void grow_head(struct worker *worker)
{
	struct zone *zone = worker->arg;

	area_unmap(worker->run, zone->base, HEAD);
	for (unsigned int page = HEAD; page-- > 0;)
		if (fault_store(area_word(zone->base, page, 0), 1) != ACCESS_OK)
			run_fail(worker->run, "the stack does not grow to page %u", page);
}

static void sabotage(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;
	void *at = area_word(zone->base, HEAD, 0);

	if (run_sabotaged(run, "file-shifted"))
		area_map(run, at, 1, PROT_READ | PROT_WRITE, MAP_SHARED, zone->fd, HEAD + 1);
	if (run_sabotaged(run, "file-refused") || run_sabotaged(run, "anon-refused"))
		area_protect(run, at, 1, PROT_NONE);
}

static void move_start(struct worker *worker)
{
	struct zone *zone = worker->arg;

	worker_share_cpu();
	sabotage(worker);
	for (unsigned int turn = 0; worker_continue(worker); turn++) {
		unsigned int pages = 1 + rng_below(&worker->rng, HEAD - 1);

		if (zone->flags & MAP_GROWSDOWN)
			grow_head(worker);
		else if (turn % 2 == 0)
			map_head(worker, pages);
		else
			advise_head(worker, pages);
		slot_hit(zone->moved);
		worker_did(worker);
	}
}

/* 'mine' is stored first, because a load would map the pages around it, too; 0: nothing is stored */
static void check(struct worker *worker, unsigned int page, uint64_t mine)
{
	struct zone *zone = worker->arg;
	uint64_t *word = area_word(zone->base, page, WORD_OF_THREAD(worker->id)), tag = 0;
	enum access stored = mine ? fault_store(word, mine) : ACCESS_OK;
	enum access loaded = fault_load(area_word(zone->base, page, WORD_TAG), &tag);
	uint64_t want = zone->fd < 0 ? 0 : number(page);

	if (stored != ACCESS_OK || loaded != ACCESS_OK)
		run_fail(worker->run, "page %u at %p: store %s, load %s", page, (void *)word, access_name(stored),
			 access_name(loaded));
	else if (tag != want)
		run_fail(worker->run, "page %u at %p has %#llx instead of %#llx", page, (void *)word,
			 (unsigned long long)tag, (unsigned long long)want);
}

static void fault_in(struct worker *worker)
{
	struct zone *zone = worker->arg;
	unsigned int first = HEAD + worker->id * STRETCH;

	worker_leave_cpu();
	for (uint64_t pass = 1; worker_continue(worker); pass++) {
		bool stores = zone->fd < 0 || pass % 4 != 0;
		unsigned int page = first;

		for (; page < first + STRETCH && worker_continue(worker); page++) {
			check(worker, page, stores ? pass : 0);
			worker_counted(worker);
		}
		if (zone->fd < 0)
			reclaim_all(worker->run, &zone->reclaim, area_word(zone->base, first, 0), page - first);
		area_advise(worker->run, area_word(zone->base, first, 0), STRETCH, MADV_DONTNEED);
		worker_did(worker);
	}
}

static bool map_all(struct run *run, struct zone *zone, unsigned int pages)
{
	zone->base = area_reserve(run, pages);
	if (!zone->base || area_map(run, zone->base, pages, PROT_READ | PROT_WRITE, zone->flags, zone->fd, 0) == MAP_FAILED)
		return false;
	if (zone->fd >= 0) {
		for (unsigned int page = 0; page < pages; page++)
			*area_word(zone->base, page, WORD_TAG) = number(page);
		return true;
	}
	/* Where huge pages are for everybody, no small ones would be faulted in. Not by madvise(): what is mapped later would not merge. */
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	return reclaim_start(run, &zone->reclaim, zone->base);
}

static void go(struct run *run, bool file, int flags)
{
	unsigned int most = run_threads_left(run, 1, 2), faulters = most < FAULTERS_MAX ? most : FAULTERS_MAX;
	unsigned int pages = HEAD + faulters * STRETCH;
	struct zone zone = { .fd = file ? area_tagged_file(run, 0, pages, 1) : -1, .flags = flags };
	const struct role roles[] = {
		{ .name = "mover", .body = move_start, .count = 1, .arg = &zone },
		{ .name = "faulter", .body = fault_in, .count = faulters, .arg = &zone },
	};

	if ((file && zone.fd < 0) || !map_all(run, &zone, pages))
		return;
	zone.moved = run_event(run, SLOT_REQUIRED, "moved");
	crew_run(run, roles, COUNT_OF(roles));
}

void file_borders(struct run *run)
{
	go(run, true, MAP_SHARED);
}

void anon_borders(struct run *run)
{
	go(run, false, MAP_PRIVATE);
}

void stack_borders(struct run *run)
{
	go(run, false, MAP_PRIVATE | MAP_GROWSDOWN);
}
