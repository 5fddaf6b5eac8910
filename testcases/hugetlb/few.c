// SPDX-License-Identifier: GPL-2.0-only
/* few: huge pages are copied on write when the pool has no page for the copy.
 *
 * Who mapped them was promised pages, and is never refused: the kernel takes a page from the children instead.
 * Oracles: what the parent's threads wrote stays, and no access of theirs is refused (toucher.c). A child has what its parent had,
 * and its own stores, or gets SIGBUS. */
#define _GNU_SOURCE
#include <unistd.h>

#include "pool.h"
#include "subtests.h"

#define HUGE 4
#define LOOKS 4
#define LEFT 1                          /* huge pages that the pool still has */
#define ROUNDS 12
#define CHILDREN 2

struct zone {
	struct run *run;
	struct pool pool;
	char *base;
	struct claim claim[HUGE * LOOKS];
	struct touched touched;
	struct slot *granted, *refused;
};

static uint64_t *tag_at(const struct zone *zone, unsigned int look)
{
	return area_word(zone->base, look * (zone->pool.small / LOOKS), WORD_TAG);
}

static void use_as_child(struct run *run, void *arg)
{
	struct zone *zone = arg;
	bool own[HUGE * LOOKS] = { false };
	struct rng rng = rng_make(run->seed, getpid());
	unsigned int other = run_sabotaged(run, "child-reads-other");

	for (unsigned int round = 0; round < ROUNDS * HUGE * LOOKS && !run_stopping(run); round++) {
		unsigned int look = rng_below(&rng, HUGE * LOOKS);
		uint64_t want = own[look] ? tag_make(1, look, 1) : tag_make(0, look, 1), value = 0;
		enum access got = fault_load(tag_at(zone, (look + other) % (HUGE * LOOKS)), &value);

		if (got == ACCESS_SEGV || (got == ACCESS_OK && value != want))
			run_fail(run, "child: place %u: %s, has %#llx instead of %#llx", look, access_name(got),
				 (unsigned long long)value, (unsigned long long)want);
		if (got == ACCESS_OK && rng_one_in(&rng, 4)) {
			got = fault_store(tag_at(zone, look), tag_make(1, look, 1));
			own[look] |= got == ACCESS_OK;
		}
		slot_hit(got == ACCESS_OK ? zone->granted : zone->refused);
		rng_dither(&rng);
	}
}

static void fork_on(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		pid_t pids[CHILDREN];

		for (unsigned int i = 0; i < CHILDREN; i++) {
			pids[i] = child_start(worker->run, use_as_child, zone);
			rng_dither(&worker->rng);
		}
		if (run_sabotaged(worker->run, "owner-refused"))
			area_protect(worker->run, zone->base, zone->pool.small, PROT_NONE);
		for (unsigned int i = 0; i < CHILDREN; i++)
			child_wait(worker->run, pids[i]);
		worker_did(worker);
	}
}

/* takes all but LEFT of the pool's pages, as long as this process lives */
static bool take_the_rest(struct run *run, const struct pool *pool)
{
	long count = pool_free(pool) - LEFT;
	char *at;

	if (count <= 0)
		return true;
	at = pool_reserve(run, pool, count, pool->bytes);
	return at && pool_map(run, pool, at, count, -1, 0) != MAP_FAILED && madvise(at, count * pool->bytes, MADV_DONTFORK) == 0;
}

void few(struct run *run)
{
	static struct zone zone;
	const struct role roles[] = {
		{ .name = "forker", .body = fork_on, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 1, 2), .arg = &zone.touched },
	};

	zone = (struct zone){ .run = run };
	if (!pool_find(run, &zone.pool, HUGE + LEFT))
		return;
	zone.base = pool_reserve(run, &zone.pool, HUGE, zone.pool.bytes);
	if (!zone.base || pool_map(run, &zone.pool, zone.base, HUGE, -1, 0) == MAP_FAILED || !take_the_rest(run, &zone.pool))
		return;
	for (unsigned int look = 0; look < HUGE * LOOKS; look++)
		*tag_at(&zone, look) = tag_make(0, look, 1);
	claims_publish(zone.claim, HUGE * LOOKS, 1, CLAIM_RW);
	zone.touched = (struct touched){
		.base = zone.base, .pages = HUGE * LOOKS, .stride = zone.pool.small / LOOKS, .claims = zone.claim,
		.keeps_data = true, .want.always_mapped = true,
	};
	zone.granted = run_event(run, SLOT_REQUIRED, "child_granted");
	zone.refused = run_event(run, SLOT_REQUIRED, "child_refused");
	touched_count(run, &zone.touched, false);
	crew_run(run, roles, COUNT_OF(roles));
}
