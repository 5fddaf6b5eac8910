/* advise-split: flags that have no effect on the data (do not dump, do not fork, read-ahead hints) are set on and
 * taken off single pages of shared memory. The VMAs split and merge, the memory must not notice.
 *
 * Oracle: nothing ever happens. Any SIGSEGV, lost word or wrong tag means that a fault used a VMA during or after its
 * split or merge: wrong limits, wrong offset into the file, or an object freed and reused meanwhile. */
#include "subtests.h"

#define PAGES 24
#define RUN_MAX 4

struct zone {
	struct claim claim;             /* never changes */
	void *base;
	struct touched touched;
};

static void advise(struct worker *worker)
{
	static const int set[] = { MADV_DONTDUMP, MADV_DONTFORK, MADV_RANDOM };
	static const int clear[] = { MADV_DODUMP, MADV_DOFORK, MADV_NORMAL };
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	while (worker_continue(worker)) {
		unsigned int count = 1 + rng_below(&worker->rng, RUN_MAX);
		unsigned int first = rng_below(&worker->rng, PAGES - count + 1);
		unsigned int which = rng_below(&worker->rng, COUNT_OF(set));

		area_advise(run, area_word(zone->base, first, 0), count, set[which]);
		rng_dither(&worker->rng);
		/* more often all at once: one merge of many VMAs */
		if (rng_one_in(&worker->rng, 3))
			area_advise(run, zone->base, PAGES, clear[which]);
		else
			area_advise(run, area_word(zone->base, first, 0), count, clear[which]);
		if (run_sabotaged(run, "advise-unmaps"))
			area_unmap(run, area_word(zone->base, PAGES - 1, 0), 1);
		if (run_sabotaged(run, "advise-loses"))
			area_advise(run, zone->base, 1, MADV_REMOVE);
		worker_did(worker);
	}
}

void advise_split(struct run *run)
{
	struct zone zone = { .base = area_reserve(run, PAGES) };
	const struct role roles[] = {
		{ .name = "adviser", .body = advise, .count = run->threads >= 6 ? 2 : 1, .arg = &zone },
		{ .name = "dropper", .body = drop_pages, .count = 1, .arg = &zone.touched },
		{ .name = "toucher", .body = touch, .arg = &zone.touched,
		  .count = run_threads_left(run, run->threads >= 6 ? 3 : 2, 2) },
	};
	int fd = area_tagged_file(run, 0, PAGES, 1);

	if (fd < 0 || !zone.base ||
	    area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED)
		return;
	claim_publish(&zone.claim, 1, CLAIM_RW);
	zone.touched = (struct touched){
		.base = zone.base, .pages = PAGES, .claims = &zone.claim, .one_claim = true, .keeps_data = true,
		.want.always_mapped = true,
	};
	touched_count(run, &zone.touched, false);
	crew_run(run, roles, COUNT_OF(roles));
}
