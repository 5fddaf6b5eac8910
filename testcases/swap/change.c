// SPDX-License-Identifier: GPL-2.0-only
/* What becomes of a page's place while the page is in swap, or on its way.
 *
 * Oracles (claim.c): what was discarded never comes back; what was moved, closed or forked is there, at the new place and in
 * the child, and a child's stores to private pages stay its own. */
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>

static void discard(struct pool *pool, unsigned int first, unsigned int count)
{
	claims_update(&pool->claim[first], count, CLAIM_RW | MAY_BE_ZERO | MAY_LOSE_WRITES);
	if (!run_sabotaged(pool->run, "discard-not"))
		area_advise(pool->run, changed_at(pool, first), count, pool->file < 0 ? MADV_DONTNEED : MADV_REMOVE);
	for (unsigned int page = first; page < first + count; page++) {
		uint64_t value = *(volatile uint64_t *)area_word(changed_at(pool, page), 0, WORD_TAG);

		/* nobody else writes tags: what comes back was in swap, or on its way */
		if (value)
			run_fail(pool->run, "page %u was discarded, and has %#llx", page, (unsigned long long)value);
		claim_publish(&pool->claim[page], ++pool->generation[page], CLAIM_RW | MAY_BE_ZERO);
	}
	slot_hit(pool->discarded);
}

static void tag(struct pool *pool, unsigned int first, unsigned int count)
{
	for (unsigned int page = first; page < first + count; page++) {
		*(volatile uint64_t *)area_word(changed_at(pool, page), 0, WORD_TAG) = tag_make(0, page, pool->generation[page]);
		claim_update(&pool->claim[page], CLAIM_RW);
	}
}

/* not accessible for a while, but there */
static void close_for_a_while(struct pool *pool, struct rng *rng, unsigned int first, unsigned int count)
{
	claims_update(&pool->claim[first], count, CLAIM_ANY);
	area_protect(pool->run, changed_at(pool, first), count, PROT_NONE);
	claims_update(&pool->claim[first], count, CLAIM_NONE);
	rng_dither(rng);
	claims_update(&pool->claim[first], count, CLAIM_ANY);
	area_protect(pool->run, changed_at(pool, first), count, PROT_READ | PROT_WRITE);
	claims_update(&pool->claim[first], count, CLAIM_RW);
}

static bool move(struct pool *pool, void *from, void *to, unsigned int count)
{
	size_t bytes = count * page_bytes();

	if (mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) != MAP_FAILED)
		return true;
	run_fail_errno(pool->run, "mremap");
	return false;
}

/* Oracle: pages that are away have what they had, and are found there. */
static void move_away_and_back(struct pool *pool, struct rng *rng, unsigned int first, unsigned int count)
{
	claims_update(&pool->claim[first], count, CLAIM_ANY);
	if (!move(pool, changed_at(pool, first), pool->spare, count))
		return;
	claims_update(&pool->claim[first], count, CLAIM_NONE);
	madvise(pool->spare, count * page_bytes(), MADV_PAGEOUT);
	rng_dither(rng);
	for (unsigned int page = 0; page < count; page++) {
		uint64_t want = tag_make(0, first + page, pool->generation[first + page]), value = 0;
		enum access got = fault_load(area_word(pool->spare, page, WORD_TAG), &value);

		if (rng_one_in(rng, 2) && (got != ACCESS_OK || value != want))
			run_fail(pool->run, "page %u, moved: %s, has %#llx instead of %#llx", first + page, access_name(got),
				 (unsigned long long)value, (unsigned long long)want);
	}
	claims_update(&pool->claim[first], count, CLAIM_ANY);
	if (!move(pool, pool->spare, changed_at(pool, first), count))
		return;
	claims_update(&pool->claim[first], count, CLAIM_RW);
	slot_hit(pool->moved);
}

static void look(struct pool *pool, char *at, unsigned int owner, unsigned int page, uint64_t generation)
{
	uint64_t want = tag_make(owner, page, generation), value = 0;
	enum access got = fault_load(area_word(at, page, WORD_TAG), &value);

	if (got != ACCESS_OK || value != want)
		run_fail(pool->run, "child: page %u of %u: %s, has %#llx instead of %#llx", page, owner, access_name(got),
			 (unsigned long long)value, (unsigned long long)want);
}

static void live_as_child(struct run *run, void *arg)
{
	struct pool *pool = arg;

	if (run_sabotaged(run, "child-loses"))
		madvise(pool->base, page_bytes(), MADV_DONTNEED);
	for (unsigned int page = 0; page < KEPT; page++)
		look(pool, pool->base, 1, page, 1);
	for (unsigned int page = 0; page < CHANGED; page++)
		look(pool, changed_at(pool, 0), 0, page, pool->generation[page]);
	if (pool->file >= 0)
		return;
	/* a copy of its own, which goes to swap and comes back */
	for (unsigned int page = 0; page < CHANGED; page++)
		fault_store(area_word(changed_at(pool, page), 0, WORD_TAG), tag_make(2, page, 1));
	madvise(changed_at(pool, 0), CHANGED * page_bytes(), MADV_PAGEOUT);
	for (unsigned int page = 0; page < CHANGED; page++)
		look(pool, changed_at(pool, 0), 2, page, 1);
}

void pool_change(struct worker *worker)
{
	struct pool *pool = worker->arg;
	struct rng *rng = &worker->rng;

	for (unsigned int turn = 0; worker_continue(worker); turn++) {
		unsigned int first = rng_below(rng, CHANGED), count = 1 + rng_below(rng, CHANGED - first);

		switch (rng_turn(rng, turn, 5)) {
		case 1:
			move_away_and_back(pool, rng, first, count);
			break;
		case 2:
			child_wait(pool->run, child_start(pool->run, live_as_child, pool));
			slot_hit(pool->forked);
			break;
		case 3:
			close_for_a_while(pool, rng, first, count);
			break;
		default:        /* twice as often */
			discard(pool, first, count);
			rng_dither(rng);
			tag(pool, first, count);
		}
		for (unsigned int i = rng_below(rng, 4); i > 0; i--)
			rng_dither(rng);
		worker_did(worker);
	}
}
