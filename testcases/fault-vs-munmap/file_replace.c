/* file-replace: mmap(MAP_FIXED) puts one part of a memory file in the place of another in one step, so that every
 * access afterwards faults afresh and shows which mapping served it.
 *
 * Oracles: SIGSEGV ever -> the range was seen unmapped in the middle of a replacement (a fault that met the detached
 * old VMA or the gap must fall back to mmap_lock, not fail). A generation older than the last finished replacement
 * -> a reader used the old VMA after it was detached. Another page's tag -> vm_pgoff of a wrong or recycled VMA. */
#include "subtests.h"

#define PAGES 16
#define COLOURS 4                       /* a stale page keeps its old tag for that many replacements */

struct zone {
	struct claim claim;
	void *base, *alias;             /* alias: all colours, always mapped, to write tags */
	int fd;
	struct touched touched;
};

static void *colour_of(struct zone *zone, uint64_t generation)
{
	return area_word(zone->alias, generation % COLOURS * PAGES, 0);
}

static void replace(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	for (uint64_t generation = 1; worker_continue(worker); generation++) {
		uint64_t next = generation + 1;

		area_tag(colour_of(zone, next), PAGES, 0, next);
		claim_update(&zone->claim, CLAIM_RW | MAY_BE_NEXT);
		rng_dither(&worker->rng);
		if (run_sabotaged(run, "replace-gap"))
			area_unmap(run, zone->base, PAGES);
		if (!run_sabotaged(run, "stale-map") &&
		    area_map(run, zone->base, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, zone->fd,
			     next % COLOURS * PAGES) == MAP_FAILED)
			return;
		claim_publish(&zone->claim, next, CLAIM_RW);
		rng_dither_below(&worker->rng, 8);
		worker_did(worker);
	}
}

void file_replace(struct run *run)
{
	struct zone zone = { .base = area_reserve(run, PAGES), .alias = area_reserve(run, PAGES * COLOURS) };
	const struct role roles[] = {
		{ .name = "replacer", .body = replace, .count = 1, .arg = &zone },
		{ .name = "reader", .body = touch, .count = run_threads_left(run, 1, 2), .arg = &zone.touched },
	};

	zone.fd = area_tagged_file(run, 0, PAGES * COLOURS, 0);
	if (!zone.base || !zone.alias || zone.fd < 0)
		return;
	if (area_map(run, zone.alias, PAGES * COLOURS, PROT_READ | PROT_WRITE, MAP_SHARED, zone.fd, 0) == MAP_FAILED ||
	    area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, zone.fd, PAGES) == MAP_FAILED)
		return;
	area_tag(colour_of(&zone, 1), PAGES, 0, 1);
	claim_publish(&zone.claim, 1, CLAIM_RW);
	zone.touched = (struct touched){
		.base = zone.base, .pages = PAGES, .claims = &zone.claim, .one_claim = true, .read_only = true,
		.want.always_mapped = true,
	};
	touched_count(run, &zone.touched, false);
	crew_run(run, roles, COUNT_OF(roles));
}
