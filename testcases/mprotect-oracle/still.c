/* still-anon: pages are present, write-protecting and unprotecting them. still-fresh: pages are thrown away each
 * round, so the writers are in page faults when the protection comes. Tags go with them and are not written anew: with
 * one more fault of the protector's in each round, bugs that it notices every time were noticed every other time.
 * still-shmem: the same with shared memory and a thread that zaps entries all the time; the watcher looks through a
 * second mapping. still-page: one page out of many, which splits the VMA, and the others must stay writable.
 *
 * Oracles: (1) below, two looks at the words while protected. (2) claim.c: a store that succeeds while settled as
 * read-only, or is refused while settled as writable. (3) toucher.c: a write that was lost.
 * (1) and (2) catch the same kernel bug from two sides: a writer (mprotect) that does not wait for readers, or publishes
 * its sequence before they have drained. (2) sees the store of the thread itself; (1) also sees one in flight. */
#define _GNU_SOURCE
#include "subtests.h"

#define PAGES 12
#define LINGER_MS 3     /* about as long as a page fault that has been held up */

struct shape {
	bool fresh, shared, single;
	const char *unprotected;        /* the sabotage that leaves mprotect() out */
	const char *other;              /* a second one, see protect_round() */
};

struct zone {
	const struct shape *shape;
	struct claim claim[PAGES];
	void *base, *view;              /* view: the same memory, never protected; or base itself */
	unsigned int writers;
	struct touched touched;
};

struct words {
	uint64_t value[PAGES][THREADS_MAX];
};

static void look(struct zone *zone, unsigned int first, unsigned int end, struct words *words)
{
	for (unsigned int page = first; page < end; page++)
		for (unsigned int id = 0; id < zone->writers; id++)
			words->value[page][id] = *(volatile uint64_t *)area_word(zone->view, page, WORD_OF_THREAD(id));
}

static void expect_still(struct worker *worker, unsigned int first, unsigned int end)
{
	struct zone *zone = worker->arg;
	struct words earlier, later;

	look(zone, first, end, &earlier);
	/* mostly many rounds; now and then a long one, for the fault that maps its page late */
	if (rng_below(&worker->rng, 4) == 0)
		clock_sleep_ms(1 + rng_below(&worker->rng, LINGER_MS));
	else
		rng_dither(&worker->rng);
	look(zone, first, end, &later);
	for (unsigned int page = first; page < end; page++)
		for (unsigned int id = 0; id < zone->writers; id++)
			if (earlier.value[page][id] != later.value[page][id])
				run_fail(worker->run, "written while read-only: page %u writer %u at %p, %#llx became %#llx", page,
					 id, (void *)area_word(zone->base, page, WORD_OF_THREAD(id)),
					 (unsigned long long)earlier.value[page][id],
					 (unsigned long long)later.value[page][id]);
}

static void settle(struct zone *zone, unsigned int first, unsigned int end, unsigned int may)
{
	if (zone->shape->fresh)
		may |= MAY_BE_ZERO | MAY_LOSE_WRITES;
	for (unsigned int page = first; page < end; page++)
		claim_update(&zone->claim[page], may);
}

static void protect_round(struct worker *worker, unsigned int first, unsigned int end)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;
	void *at = area_word(zone->base, first, 0);
	bool skip = run_sabotaged(run, zone->shape->unprotected);

	if (zone->shape->fresh)
		area_advise(run, at, end - first, MADV_DONTNEED);
	rng_dither(&worker->rng);
	settle(zone, first, end, CLAIM_ANY);
	if (!skip)
		area_protect(run, at, end - first, PROT_READ);
	/* the sabotage leaves the claim open, so that it is this oracle alone that has to notice */
	settle(zone, first, end, skip ? CLAIM_ANY : CLAIM_RO);
	expect_still(worker, first, end);
	if (zone->shape->other && run_sabotaged(run, zone->shape->other)) {
		/* says writable, but is not */
		settle(zone, first, end, CLAIM_RW);
		clock_sleep_ms(1);
	}
	settle(zone, first, end, CLAIM_ANY);
	area_protect(run, at, end - first, PROT_READ | PROT_WRITE);
	settle(zone, first, end, CLAIM_RW);
}

static void protect(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		unsigned int first = zone->shape->single ? rng_below(&worker->rng, PAGES) : 0;

		protect_round(worker, first, zone->shape->single ? first + 1 : PAGES);
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}

static bool map_zone(struct run *run, struct zone *zone)
{
	int fd = zone->shape->shared ? area_tagged_file(run, 0, PAGES, 1) : -1;
	int flags = zone->shape->shared ? MAP_SHARED : MAP_PRIVATE;

	zone->base = zone->view = area_reserve(run, PAGES);
	if (!zone->base || area_map(run, zone->base, PAGES, PROT_READ | PROT_WRITE, flags, fd, 0) == MAP_FAILED)
		return false;
	if (zone->shape->shared) {
		zone->view = area_reserve(run, PAGES);
		if (fd < 0 || !zone->view || area_map(run, zone->view, PAGES, PROT_READ, flags, fd, 0) == MAP_FAILED)
			return false;
	}
	area_tag(zone->base, PAGES, 0, 1);
	return true;
}

static void still(struct run *run, const struct shape *shape)
{
	unsigned int droppers = shape->shared ? 1 : 0;
	struct zone zone = { .shape = shape, .writers = run_threads_left(run, 1 + droppers, 2) };
	const struct role roles[] = {
		{ .name = "protector", .body = protect, .count = 1, .arg = &zone },
		{ .name = "dropper", .body = drop_pages, .count = droppers, .arg = &zone.touched },
		{ .name = "writer", .body = touch, .count = zone.writers, .arg = &zone.touched },
	};

	if (!map_zone(run, &zone))
		return;
	claims_publish(zone.claim, PAGES, 1, CLAIM_RW);
	settle(&zone, 0, PAGES, CLAIM_RW);
	zone.touched = (struct touched){
		.base = zone.base, .pages = PAGES, .claims = zone.claim, .keeps_data = !shape->fresh,
		.want.zero_while_changing = shape->fresh,
	};
	touched_count(run, &zone.touched, true);
	crew_run(run, roles, COUNT_OF(roles));
}

void still_anon(struct run *run)
{
	still(run, &(struct shape){ .unprotected = "anon-unprotected", .other = "anon-stays-protected" });
}

void still_fresh(struct run *run)
{
	still(run, &(struct shape){ .fresh = true, .unprotected = "fresh-unprotected" });
}

void still_shmem(struct run *run)
{
	still(run, &(struct shape){ .shared = true, .unprotected = "shmem-unprotected" });
}

void still_page(struct run *run)
{
	still(run, &(struct shape){ .single = true, .unprotected = "page-unprotected", .other = "page-unclaimed" });
}
