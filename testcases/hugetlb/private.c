// SPDX-License-Identifier: GPL-2.0-only
/* private: one thread discards, unmaps, maps, moves and closes huge pages, and forks, while others use them.
 *
 * Oracles (claim.c): what a page is said to be; a page that is moved away has what it had; a child has what its parent had. */
#define _GNU_SOURCE
#include <errno.h>

#include "pool.h"
#include "subtests.h"

#define HUGE 4
#define LOOKS 4                         /* places that are looked at in each */
#define SPARE 5                         /* for copies while a child has the others, and one */

struct zone {
	struct run *run;
	struct pool pool;
	char *base, *spare;
	uint64_t generation[HUGE];
	struct claim claim[HUGE * LOOKS];
	struct touched touched;
	struct slot *discarded, *remapped, *moved, *forked;
};

static void *huge_at(const struct zone *zone, unsigned int huge)
{
	return zone->base + huge * zone->pool.bytes;
}

static uint64_t *tag_at(const struct zone *zone, char *base, unsigned int look)
{
	return area_word(base, look * (zone->pool.small / LOOKS), WORD_TAG);
}

static void settle(struct zone *zone, unsigned int first, unsigned int count, unsigned int may)
{
	claims_update(&zone->claim[first * LOOKS], count * LOOKS, may);
}

/* they are fresh, or were just discarded */
static void tag_fresh(struct zone *zone, unsigned int first, unsigned int count)
{
	for (unsigned int look = first * LOOKS; look < (first + count) * LOOKS; look++) {
		volatile uint64_t *word = tag_at(zone, zone->base, look);

		if (*word)
			run_fail(zone->run, "place %u is fresh, and has %#llx", look, (unsigned long long)*word);
	}
	for (unsigned int huge = first; huge < first + count; huge++) {
		zone->generation[huge]++;
		claims_publish(&zone->claim[huge * LOOKS], LOOKS, zone->generation[huge], CLAIM_RW | MAY_BE_ZERO);
		for (unsigned int look = huge * LOOKS; look < (huge + 1) * LOOKS; look++)
			*(volatile uint64_t *)tag_at(zone, zone->base, look) = tag_make(0, look, zone->generation[huge]);
	}
	settle(zone, first, count, CLAIM_RW);
}

static void remap(struct zone *zone, struct rng *rng, unsigned int first, unsigned int count)
{
	settle(zone, first, count, CLAIM_ANY | MAY_BE_ZERO | MAY_LOSE_WRITES);
	area_unmap(zone->run, huge_at(zone, first), count * zone->pool.small);
	settle(zone, first, count, CLAIM_NONE);
	rng_dither(rng);
	settle(zone, first, count, CLAIM_ANY | MAY_BE_ZERO);
	if (pool_map(zone->run, &zone->pool, huge_at(zone, first), count, -1, 0) == MAP_FAILED)
		return;
	tag_fresh(zone, first, count);
	slot_hit(zone->remapped);
}

static void discard(struct zone *zone, unsigned int first, unsigned int count)
{
	settle(zone, first, count, CLAIM_RW | MAY_BE_ZERO | MAY_LOSE_WRITES);
	if (!run_sabotaged(zone->run, "discard-not"))
		area_advise(zone->run, huge_at(zone, first), count * zone->pool.small, MADV_DONTNEED);
	tag_fresh(zone, first, count);
	slot_hit(zone->discarded);
}

static void close_for_a_while(struct zone *zone, struct rng *rng, unsigned int first, unsigned int count)
{
	bool reads = rng_one_in(rng, 2);

	settle(zone, first, count, CLAIM_ANY);
	if (!run_sabotaged(zone->run, "protect-not"))
		area_protect(zone->run, huge_at(zone, first), count * zone->pool.small, reads ? PROT_READ : PROT_NONE);
	settle(zone, first, count, reads ? CLAIM_RO : CLAIM_NONE);
	rng_dither(rng);
	settle(zone, first, count, CLAIM_ANY);
	area_protect(zone->run, huge_at(zone, first), count * zone->pool.small, PROT_READ | PROT_WRITE);
	settle(zone, first, count, CLAIM_RW);
}

static void check(struct zone *zone, char *base, unsigned int first, unsigned int count, const char *where)
{
	for (unsigned int look = 0; look < count * LOOKS; look++) {
		uint64_t want = tag_make(0, first * LOOKS + look, zone->generation[first + look / LOOKS]), value = 0;
		enum access got = fault_load(tag_at(zone, base, look), &value);

		if (got != ACCESS_OK || value != want)
			run_fail(zone->run, "%s: place %u: %s, has %#llx instead of %#llx", where, first * LOOKS + look,
				 access_name(got), (unsigned long long)value, (unsigned long long)want);
	}
}

static bool move(struct zone *zone, void *from, void *to)
{
	/* since Linux 5.16 */
	if (mremap(from, zone->pool.bytes, zone->pool.bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) != MAP_FAILED)
		return true;
	run_fail_errno(zone->run, "mremap of a huge page");
	return false;
}

/* One: such mappings are never merged again, and only newer kernels move several at once. */
static void move_away_and_back(struct zone *zone, struct rng *rng, unsigned int huge)
{
	settle(zone, huge, 1, CLAIM_ANY);
	if (!move(zone, huge_at(zone, huge), zone->spare))
		return;
	settle(zone, huge, 1, CLAIM_NONE);
	rng_dither(rng);
	check(zone, zone->spare, huge, 1, "moved");
	settle(zone, huge, 1, CLAIM_ANY);
	if (!move(zone, zone->spare, huge_at(zone, huge)))
		return;
	settle(zone, huge, 1, CLAIM_RW);
	slot_hit(zone->moved);
}

static void look_as_child(struct run *run, void *arg)
{
	struct zone *zone = arg;

	if (run_sabotaged(run, "child-loses"))
		madvise(zone->base, zone->pool.bytes, MADV_DONTNEED);
	check(zone, zone->base, 0, HUGE, "child");
}

static void change(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct rng *rng = &worker->rng;

	for (unsigned int turn = 0; worker_continue(worker); turn++) {
		unsigned int first = rng_below(rng, HUGE), count = 1 + rng_below(rng, HUGE - first);

		if (run_sabotaged(zone->run, "huge-lost"))
			area_advise(zone->run, huge_at(zone, first), count * zone->pool.small, MADV_DONTNEED);
		switch (rng_turn(rng, turn, 6)) {
		case 0:
			discard(zone, first, count);
			break;
		case 1:
			remap(zone, rng, first, count);
			break;
		case 2:
			move_away_and_back(zone, rng, first);
			break;
		case 3:
			child_wait(zone->run, child_start(zone->run, look_as_child, zone));
			slot_hit(zone->forked);
			break;
		default:
			close_for_a_while(zone, rng, first, count);
		}
		for (unsigned int i = rng_below(rng, 4); i > 0; i--)
			rng_dither(rng);
		worker_did(worker);
	}
}

void private_huge(struct run *run)
{
	static struct zone zone;
	const struct role roles[] = {
		{ .name = "changer", .body = change, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 1, 2), .arg = &zone.touched },
	};

	zone = (struct zone){ .run = run };
	if (!pool_find(run, &zone.pool, HUGE + SPARE))
		return;
	zone.base = pool_reserve(run, &zone.pool, HUGE, zone.pool.bytes);
	zone.spare = pool_reserve(run, &zone.pool, HUGE, zone.pool.bytes);
	if (!zone.base || !zone.spare || pool_map(run, &zone.pool, zone.base, HUGE, -1, 0) == MAP_FAILED)
		return;
	tag_fresh(&zone, 0, HUGE);
	zone.touched = (struct touched){
		.base = zone.base, .pages = HUGE * LOOKS, .stride = zone.pool.small / LOOKS, .claims = zone.claim,
		.want.zero_while_changing = true,
	};
	zone.discarded = run_event(run, SLOT_REQUIRED, "discarded");
	zone.remapped = run_event(run, SLOT_EVENT, "remapped");
	zone.moved = run_event(run, SLOT_EVENT, "moved");
	zone.forked = run_event(run, SLOT_EVENT, "forked");
	touched_count(run, &zone.touched, true);
	crew_run(run, roles, COUNT_OF(roles));
}
