/* protect-anon, protect-shmem: single pages go read-only or inaccessible and back, each time splitting a VMA in up to
 * three and merging them again. With shared memory a dropper zaps page table entries, so that accesses fault.
 *
 * Oracles: SIGSEGV on a page settled as accessible -> the fault was judged by a VMA that no longer covers the page (no
 * address re-check) or by flags from before the change (no sequence re-check). A store that succeeds while settled
 * as read-only -> a writer that did not wait for the readers. Tags and thread words never change otherwise. */
#include "subtests.h"

#define PAGES 32
#define RUN_MAX 3

struct zone {
	struct claim claim[PAGES];
	void *base;
	unsigned int changers;
	int fd;                         /* -1: anonymous */
	struct touched touched;
};

static unsigned int claim_of(int prot)
{
	return prot == PROT_NONE ? CLAIM_NONE : prot == PROT_READ ? CLAIM_RO : CLAIM_RW;
}

static void set_protection(struct worker *worker, unsigned int first, unsigned int count, int prot)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;
	bool restricts = prot != (PROT_READ | PROT_WRITE);
	unsigned int extra = restricts && run_sabotaged(run, "protect-too-much") ? 1 : 0;

	claims_update(&zone->claim[first], count, CLAIM_ANY);
	if (!(restricts && run_sabotaged(run, "protect-nothing")))
		area_protect(run, area_word(zone->base, first, 0), count + extra, prot);
	claims_update(&zone->claim[first], count, claim_of(prot));
}

static void sabotage_data(struct worker *worker, unsigned int page)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	if (run_sabotaged(run, "protect-loses"))
		area_advise(run, area_word(zone->base, page, 0), 1, MADV_DONTNEED);
	if (run_sabotaged(run, "shmem-wrong-page"))
		area_map(run, area_word(zone->base, page, 0), 1, PROT_READ | PROT_WRITE, MAP_SHARED, zone->fd,
			 (page + 1) % PAGES);
}

static void change(struct worker *worker)
{
	struct zone *zone = worker->arg;
	unsigned int stretch = PAGES / zone->changers;

	while (worker_continue(worker)) {
		unsigned int count = 1 + rng_below(&worker->rng, RUN_MAX);
		unsigned int first = worker->id * stretch + rng_below(&worker->rng, stretch - count + 1);

		set_protection(worker, first, count, rng_one_in(&worker->rng, 2) ? PROT_READ : PROT_NONE);
		rng_dither(&worker->rng);
		set_protection(worker, first, count, PROT_READ | PROT_WRITE);
		sabotage_data(worker, first);
		worker_did(worker);
	}
}

static void protect_pages(struct run *run, struct zone *zone)
{
	unsigned int droppers = zone->fd < 0 ? 0 : 1;
	const struct role roles[] = {
		{ .name = "changer", .body = change, .count = zone->changers, .arg = zone },
		{ .name = "toucher", .body = touch, .arg = &zone->touched,
		  .count = run_threads_left(run, zone->changers + droppers, 2) },
		{ .name = "dropper", .body = drop_pages, .count = droppers, .arg = &zone->touched },
	};

	zone->base = area_reserve(run, PAGES + 1);
	if (!zone->base || area_map(run, zone->base, PAGES, PROT_READ | PROT_WRITE,
				    zone->fd < 0 ? MAP_PRIVATE : MAP_SHARED, zone->fd, 0) == MAP_FAILED)
		return;
	area_tag(zone->base, PAGES, 0, 1);
	claims_publish(zone->claim, PAGES, 1, CLAIM_RW);
	zone->touched = (struct touched){ .base = zone->base, .pages = PAGES, .claims = zone->claim, .keeps_data = true };
	touched_count(run, &zone->touched, true);
	crew_run(run, roles, COUNT_OF(roles));
}

void protect_anon(struct run *run)
{
	struct zone zone = { .fd = -1, .changers = run->threads >= 4 ? 2 : 1 };

	protect_pages(run, &zone);
}

void protect_shmem(struct run *run)
{
	struct zone zone = { .fd = area_tagged_file(run, 0, PAGES, 1), .changers = 1 };

	if (zone.fd >= 0)
		protect_pages(run, &zone);
}
