/* move-anon, move-shmem: runs of pages move between places; page i of the region is in one place at a time, always as
 * the i-th page there. Parts that meet again merge.
 *
 * Oracles: a tag or a thread's word is lost -> a fault installed a fresh page in the old or new VMA during the move (a
 * VMA not write-locked, or its sequence published before the readers had drained). SIGSEGV at a settled place ->
 * the moved VMA is not attached. Access to a place settled as left -> the old VMA was still lockable. */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/mman.h>

#include "subtests.h"

#define PLACES 3
#define PAGES 12

struct zone {
	struct claim claim[PLACES][PAGES];
	void *base[PLACES];
	_Atomic unsigned int where[PAGES];      /* a hint for touchers; the claims decide */
	int fd;                                 /* -1: anonymous */
	struct slot *granted, *refused;
};

static void settle(struct zone *zone, unsigned int place, unsigned int first, unsigned int end, unsigned int may)
{
	for (unsigned int page = first; page < end; page++)
		claim_update(&zone->claim[place][page], may);
}

static void sabotage_moved(struct run *run, struct zone *zone, void *at, unsigned int first)
{
	if (run_sabotaged(run, "move-loses"))
		area_advise(run, at, 1, MADV_DONTNEED);
	if (run_sabotaged(run, "move-wrong-offset"))
		area_map(run, at, 1, PROT_READ | PROT_WRITE, MAP_SHARED, zone->fd, (first + 1) % PAGES);
}

static void move(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	while (worker_continue(worker)) {
		unsigned int first = rng_below(&worker->rng, PAGES), end = first + 1;
		unsigned int from = zone->where[first];
		unsigned int to = (from + 1 + rng_below(&worker->rng, PLACES - 1)) % PLACES;
		bool whole = rng_one_in(&worker->rng, 3);

		/* as many pages as lie together, or fewer: then the VMA is split for the move */
		while (first > 0 && whole && zone->where[first - 1] == from)
			first--;
		while (end < PAGES && zone->where[end] == from && (whole || !rng_one_in(&worker->rng, 4)))
			end++;
		settle(zone, from, first, end, CLAIM_ANY);
		settle(zone, to, first, end, CLAIM_ANY);
		if (!run_sabotaged(run, "move-nothing")) {
			void *target = area_word(zone->base[to], first, 0);

			if (run_sabotaged(run, "move-elsewhere") && end < PAGES)
				target = area_word(target, 1, 0);
			if (mremap(area_word(zone->base[from], first, 0), (end - first) * page_bytes(),
				   (end - first) * page_bytes(), MREMAP_MAYMOVE | MREMAP_FIXED, target) == MAP_FAILED) {
				run_fail_errno(run, "mremap");
				return;
			}
			sabotage_moved(run, zone, target, first);
		}
		for (unsigned int page = first; page < end; page++)
			zone->where[page] = to;
		settle(zone, from, first, end, CLAIM_NONE);
		settle(zone, to, first, end, CLAIM_RW);
		rng_dither_below(&worker->rng, 3);
		worker_did(worker);
	}
}

static void touch_moving(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;
	uint64_t stored[PAGES] = { 0 }, value, serial = 0;

	while (worker_continue(worker)) {
		unsigned int page = rng_below(&worker->rng, PAGES);
		unsigned int place = rng_one_in(&worker->rng, 4) ? rng_below(&worker->rng, PLACES) : zone->where[page];
		struct claim *claim = &zone->claim[place][page];
		uint64_t *word = area_word(zone->base[place], page, WORD_OF_THREAD(worker->id));
		struct expected want = { .page = page };
		enum access got;

		if (rng_one_in(&worker->rng, 2)) {
			got = claim_checked_load(run, claim, area_word(zone->base[place], page, WORD_TAG), want, &value);
		} else {
			uint64_t fresh = tag_make(worker->id, page, ++serial);

			/* the word travels with its page: whatever place it is found in, it is the last one stored */
			if (fault_load(word, &value) == ACCESS_OK && value != stored[page])
				run_fail(run, "a write was lost in a move: %p page %u place %u stored %#llx, now %#llx",
					 (void *)word, page, place, (unsigned long long)stored[page],
					 (unsigned long long)value);
			got = claim_checked_roundtrip(run, claim, word, fresh);
			if (got == ACCESS_OK)
				stored[page] = fresh;
		}
		slot_hit(got == ACCESS_OK ? zone->granted : zone->refused);
		if (got != ACCESS_OK)
			sched_yield();  /* as in toucher.c */
		worker_did(worker);
	}
}

/* holes answer ENOMEM, which is not the point here */
static void drop_anywhere(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		madvise(zone->base[rng_below(&worker->rng, PLACES)], PAGES * page_bytes(), MADV_DONTNEED);
		worker_did(worker);
	}
}

static void move_pages(struct run *run, struct zone *zone)
{
	unsigned int droppers = zone->fd < 0 ? 0 : 1;
	const struct role roles[] = {
		{ .name = "mover", .body = move, .count = 1, .arg = zone },
		{ .name = "dropper", .body = drop_anywhere, .count = droppers, .arg = zone },
		{ .name = "toucher", .body = touch_moving, .count = run_threads_left(run, 1 + droppers, 2), .arg = zone },
	};

	for (unsigned int place = 0; place < PLACES; place++) {
		zone->base[place] = area_reserve(run, PAGES + 1);
		if (!zone->base[place])
			return;
		for (unsigned int page = 0; page < PAGES; page++)
			claim_publish(&zone->claim[place][page], 1, place == 0 ? CLAIM_RW : CLAIM_NONE);
	}
	if (area_map(run, zone->base[0], PAGES, PROT_READ | PROT_WRITE, zone->fd < 0 ? MAP_PRIVATE : MAP_SHARED, zone->fd,
		     0) == MAP_FAILED)
		return;
	area_tag(zone->base[0], PAGES, 0, 1);
	zone->granted = run_event(run, SLOT_REQUIRED, "access_granted");
	zone->refused = run_event(run, SLOT_REQUIRED, "access_refused");
	crew_run(run, roles, COUNT_OF(roles));
}

void move_anon(struct run *run)
{
	struct zone zone = { .fd = -1 };

	move_pages(run, &zone);
}

void move_shmem(struct run *run)
{
	struct zone zone = { .fd = area_tagged_file(run, 0, PAGES, 1) };

	if (zone.fd >= 0)
		move_pages(run, &zone);
}
