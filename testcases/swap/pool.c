// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define RECLAIM "/run/cgroup/case/memory.reclaim"       /* of the group that the guest runs this case in */
#define OWNER_KEPT 1
#define AT_ONCE 8

/* MADV_PAGEOUT starts the way to a device that takes its time. That the page itself is let go when it has arrived takes
 * reclaim: of our own group. */
void pool_reclaim(struct worker *worker)
{
	char bytes[32];

	snprintf(bytes, sizeof(bytes), "%zu", PAGES / 4 * page_bytes());
	while (worker_continue(worker)) {
		/* less than that may be there */
		sysfile_write(RECLAIM, bytes);
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}

void pool_evict(struct worker *worker)
{
	struct pool *pool = worker->arg;

	while (worker_continue(worker)) {
		/* each page that is taken interrupts the other CPUs: many at once would take a busy machine a second */
		unsigned int first = rng_below(&worker->rng, PAGES - AT_ONCE + 1), count = 1 + rng_below(&worker->rng, AT_ONCE);
		void *at = pool->base + first * page_bytes();

		/* where pages have been moved away from there is nothing to advise about, which is told when all else is done */
		if (madvise(at, count * page_bytes(), MADV_PAGEOUT) != 0 && errno != ENOMEM)
			run_fail_errno(worker->run, "madvise(MADV_PAGEOUT)");
		/* Oracle's proof: what a swap entry that is lost, or used twice, does to a page. */
		if (run_sabotaged(worker->run, "kept-lost"))
			area_advise(worker->run, pool->base, 1, MADV_DONTNEED);
		if (run_sabotaged(worker->run, "shared-lost"))
			area_advise(worker->run, pool->base, 1, MADV_REMOVE);
		slot_hit(pool->out);
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}

static bool map_pool(struct pool *pool, struct run *run, bool is_shared)
{
	pool->base = area_reserve(run, PAGES);
	pool->spare = area_reserve(run, CHANGED);
	pool->file = is_shared ? memfd_create("pool", MFD_CLOEXEC) : -1;
	if (is_shared && (pool->file < 0 || ftruncate(pool->file, PAGES * page_bytes()) != 0)) {
		run_fail_errno(run, "memory file");
		return false;
	}
	return pool->base && pool->spare &&
	       area_map(run, pool->base, PAGES, PROT_READ | PROT_WRITE, is_shared ? MAP_SHARED : MAP_PRIVATE, pool->file, 0) !=
		       MAP_FAILED;
}

bool pool_start(struct pool *pool, struct run *run, enum swap_kind kind, bool is_shared)
{
	*pool = (struct pool){ .run = run };
	if (!swap_start(run, &pool->area, kind))
		return false;
	if (kind == SWAP_LATE && access(RECLAIM, W_OK) != 0) {
		run_skip(run, "no memory.reclaim of a group of our own (Linux 5.19, in a guest)");
		swap_end(run, &pool->area);
		return false;
	}
	if (!map_pool(pool, run, is_shared)) {
		swap_end(run, &pool->area);
		return false;
	}
	area_tag(pool->base, KEPT, OWNER_KEPT, 1);
	area_tag(changed_at(pool, 0), CHANGED, 0, 1);
	for (unsigned int page = 0; page < CHANGED; page++)
		pool->generation[page] = 1;
	claims_publish(pool->kept_claim, KEPT, 1, CLAIM_RW);
	claims_publish(pool->claim, CHANGED, 1, CLAIM_RW);
	pool->kept = (struct touched){
		.base = pool->base, .pages = KEPT, .claims = pool->kept_claim, .keeps_data = true,
		.want = { .owner = OWNER_KEPT, .always_mapped = true },
	};
	pool->changed = (struct touched){
		.base = changed_at(pool, 0), .pages = CHANGED, .claims = pool->claim, .want.zero_while_changing = true,
	};
	pool->split = (struct touched){ .base = pool->base, .pages = KEPT };
	pool->out = run_event(run, SLOT_REQUIRED, "evicted");
	pool->discarded = run_event(run, SLOT_REQUIRED, "discarded");
	pool->forked = run_event(run, SLOT_EVENT, "forked");
	pool->moved = run_event(run, SLOT_EVENT, "moved");
	touched_count(run, &pool->kept, false);
	touched_count(run, &pool->changed, false);
	return true;
}

void pool_end(struct pool *pool)
{
	munmap(pool->base, PAGES * page_bytes());
	if (pool->file >= 0)
		close(pool->file);
	swap_end(pool->run, &pool->area);
}
