/* snapshot: writers count through the pages in ascending order; the child's copy must be one instant of that. */
#define _GNU_SOURCE
#include <sched.h>
#include <string.h>

#include "subtests.h"

#define PAGES 16
#define POISON UINT64_C(0xdeaddeaddeaddead)

struct zone {
	void *base;
	unsigned int writers;
};

struct picture {
	uint64_t value[THREADS_MAX][PAGES];
};

static void take(struct zone *zone, struct picture *picture)
{
	for (unsigned int id = 0; id < zone->writers; id++)
		for (unsigned int page = 0; page < PAGES; page++)
			picture->value[id][page] = *(volatile uint64_t *)area_word(zone->base, page, WORD_OF_THREAD(id));
}

static void write_upwards(struct worker *worker)
{
	struct zone *zone = worker->arg;
	bool torn = run_sabotaged(worker->run, "snapshot-torn");

	for (uint64_t count = 1; worker_continue(worker); count++) {
		for (unsigned int i = 0; i < PAGES; i++) {
			unsigned int page = torn ? PAGES - 1 - i : i;
			volatile uint64_t *word = area_word(zone->base, page, WORD_OF_THREAD(worker->id));
			uint64_t seen = *word;

			/* Oracle: a write went to a page that the parent lost (a fault ran while fork copied the page tables,
			 * the copy-on-write state of one page was decided twice), or the child's poison came through. */
			if (seen != count - 1) {
				run_fail(worker->run, "parent's word %p page %u: expected %#llx, saw %#llx", (void *)word, page,
					 (unsigned long long)(count - 1), (unsigned long long)seen);
				return;
			}
			*word = count;
		}
		if (rng_one_in(&worker->rng, 4))
			rng_dither(&worker->rng);
		worker_did(worker);
	}
}

struct errand {
	struct zone *zone;
	struct picture floor;           /* taken by the parent just before fork */
	unsigned int patience;
};

/* Oracle: a writer goes through the pages in order, so at any one instant their values differ by at most one step,
 * and that downwards. Anything else is a copy of two instants: pages were still written by the parent after they had
 * been copied or shared, i.e. a fault made a page writable while fork held it for copied. */
static void check_instant(struct run *run, struct zone *zone, const struct picture *now, const struct picture *floor)
{
	for (unsigned int id = 0; id < zone->writers; id++) {
		const uint64_t *value = now->value[id];

		for (unsigned int page = 0; page < PAGES; page++) {
			uint64_t above = page ? value[page - 1] : value[0];

			if (value[page] > above || value[0] - value[page] > 1 || value[page] < floor->value[id][page]) {
				run_fail(run, "child: page %u of writer %u has %#llx, page 0 %#llx, page before %#llx, at fork %#llx",
					 page, id, (unsigned long long)value[page], (unsigned long long)value[0],
					 (unsigned long long)above, (unsigned long long)floor->value[id][page]);
				return;
			}
		}
	}
}

static void live_as_child(struct run *run, void *arg)
{
	struct errand *errand = arg;
	struct zone *zone = errand->zone;
	struct picture first = { 0 }, second = { 0 };   /* compared as a whole */

	take(zone, &first);
	check_instant(run, zone, &first, &errand->floor);
	for (unsigned int i = 0; i < errand->patience; i++)
		sched_yield();
	take(zone, &second);
	/* Oracle: the parent writes on; if its page is still ours, the copy on write did not happen. */
	if (memcmp(&first, &second, sizeof(first)) != 0)
		run_fail(run, "child: memory changed under it: parent's writes are visible");
	for (unsigned int id = 0; id < zone->writers; id++)
		for (unsigned int page = 0; page < PAGES; page++)
			*area_word(zone->base, page, WORD_OF_THREAD(id)) = POISON;
	for (unsigned int page = 0; page < PAGES; page++)
		if (*(volatile uint64_t *)area_word(zone->base, page, WORD_OF_THREAD(0)) != POISON)
			run_fail(run, "child: lost its own write to page %u", page);
}

static void fork_often(struct worker *worker)
{
	struct errand errand = { .zone = worker->arg };

	while (worker_continue(worker)) {
		errand.patience = rng_below(&worker->rng, 6);
		take(errand.zone, &errand.floor);
		child_wait(worker->run, child_start(worker->run, live_as_child, &errand));
		worker_did(worker);
	}
}

void snapshot(struct run *run)
{
	struct zone zone = { .base = area_reserve(run, PAGES), .writers = run_threads_left(run, 1, 2) };
	const struct role roles[] = {
		{ .name = "forker", .body = fork_often, .count = 1, .arg = &zone },
		{ .name = "writer", .body = write_upwards, .count = zone.writers, .arg = &zone },
	};

	if (!zone.base || area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE,
				   run_sabotaged(run, "snapshot-shared") ? MAP_SHARED : MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	/* several VMAs, so that fork has some copied and others still to copy */
	for (unsigned int page = 0; page < PAGES; page += 8)
		area_advise(run, area_word(zone.base, page, 0), 4, MADV_DONTDUMP);
	for (unsigned int page = 0; page < PAGES; page++)
		*area_word(zone.base, page, WORD_TAG) = tag_make(0, page, 0);
	crew_run(run, roles, COUNT_OF(roles));
}
