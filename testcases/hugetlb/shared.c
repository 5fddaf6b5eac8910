// SPDX-License-Identifier: GPL-2.0-only
/* shared-tables: three processes map the same huge pages over a whole upper page table, so the kernel lets them share the lower
 * one. A process that splits or closes a part must get a table of its own first.
 *
 * "user" uses the pages, and punches holes; "reader" looks at them, while its VMA is split; "closer" closes and unmaps ranges.
 * Oracles (claim.c): user and reader are never refused, and see what the claims say, which all three share. What is closed is
 * closed for the closer. Mappings of huge pages are never merged again, so whoever split his makes it anew. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "pool.h"
#include "subtests.h"

#define USED 4                          /* huge pages that are used, far from each other */

struct zone {
	struct run *run;
	struct pool pool;
	int file;
	char *base;
	unsigned int huge, apart;       /* in all; from one that is used to the next */
	uint64_t generation[USED];
	struct claim *claim;            /* the processes share them */
	struct touched touched;
	struct slot *punched, *closed;
};

static uint64_t *tag_at(const struct zone *zone, unsigned int used)
{
	return area_word(zone->base, used * zone->apart * zone->pool.small, WORD_TAG);
}

static void punch_on(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		unsigned int used = rng_below(&worker->rng, USED);
		struct claim *claim = &zone->claim[used];

		claim_update(claim, CLAIM_RW | MAY_BE_ZERO | MAY_LOSE_WRITES);
		if (!run_sabotaged(worker->run, "punch-not") &&
		    fallocate(zone->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)used * zone->apart * zone->pool.bytes,
			      zone->pool.bytes) != 0)
			run_fail_errno(worker->run, "fallocate");
		if (*(volatile uint64_t *)tag_at(zone, used))
			run_fail(worker->run, "hole %u has %#llx", used, (unsigned long long)*tag_at(zone, used));
		claim_publish(claim, ++zone->generation[used], CLAIM_RW | MAY_BE_ZERO);
		*(volatile uint64_t *)tag_at(zone, used) = tag_make(0, used, zone->generation[used]);
		claim_update(claim, CLAIM_RW);
		slot_hit(zone->punched);
		for (unsigned int i = 0; i < 4; i++)
			rng_dither(&worker->rng);
		worker_did(worker);
	}
}

/* In one step, so nobody is refused; and whole, so tables may be shared. */
static bool map_whole(struct zone *zone)
{
	return pool_map(zone->run, &zone->pool, zone->base, zone->huge, zone->file, 0) != MAP_FAILED;
}

static void split_on(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		unsigned int first = rng_below(&worker->rng, zone->huge), count = 1 + rng_below(&worker->rng, zone->huge - first);
		char *at = zone->base + first * zone->pool.bytes;

		area_advise(worker->run, at, count * zone->pool.small, MADV_DONTDUMP);
		rng_dither(&worker->rng);
		/* gone from this table alone: the file has it */
		if (rng_one_in(&worker->rng, 4))
			area_advise(worker->run, at, count * zone->pool.small, MADV_DONTNEED);
		rng_dither(&worker->rng);
		if (!map_whole(zone))
			return;
		for (unsigned int i = 0; i < 3; i++)
			rng_dither(&worker->rng);
		worker_did(worker);
	}
}

/* Whether the place is refused as it should be; whoever closes it is alone with it. */
static void expect(struct zone *zone, unsigned int used, bool refused)
{
	uint64_t value;
	enum access got = fault_load(tag_at(zone, used), &value);

	if ((got == ACCESS_SEGV) != refused || got == ACCESS_BUS)
		run_fail(zone->run, "page %u is %s, and a load of it: %s", used, refused ? "closed" : "open", access_name(got));
}

static void close_on(struct worker *worker)
{
	struct zone *zone = worker->arg;
	bool idle = run_sabotaged(worker->run, "closed-for-none");

	while (worker_continue(worker)) {
		unsigned int used = rng_below(&worker->rng, USED), least = used * zone->apart;
		unsigned int first = least - rng_below(&worker->rng, least + 1);
		unsigned int count = least - first + 1 + rng_below(&worker->rng, zone->huge - least);
		char *at = zone->base + first * zone->pool.bytes;

		/* so that there is something to close: the table is shared now */
		expect(zone, used, false);
		if (!idle && rng_one_in(&worker->rng, 2))
			area_protect(worker->run, at, count * zone->pool.small, PROT_NONE);
		else if (!idle)
			area_unmap(worker->run, at, count * zone->pool.small);
		expect(zone, used, true);
		rng_dither(&worker->rng);
		if (!map_whole(zone))
			return;
		slot_hit(zone->closed);
		worker_did(worker);
	}
}

static void live_as_user(struct run *run, void *arg)
{
	struct zone *zone = arg;
	const struct role roles[] = {
		{ .name = "puncher", .body = punch_on, .count = 1, .arg = zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 3, 2) / 2 + 1, .arg = &zone->touched },
	};

	/* what the closer would do to a table that is still shared */
	if (run_sabotaged(run, "closed-for-others"))
		area_protect(run, zone->base, zone->pool.small, PROT_NONE);
	crew_run(run, roles, COUNT_OF(roles));
}

static void live_as_reader(struct run *run, void *arg)
{
	struct zone *zone = arg;
	const struct role roles[] = {
		{ .name = "splitter", .body = split_on, .count = 1, .arg = zone },
		{ .name = "reader", .body = touch, .count = run_threads_left(run, 3, 2) / 2, .arg = &zone->touched },
	};

	zone->touched.read_only = true;
	crew_run(run, roles, COUNT_OF(roles));
}

static void live_as_closer(struct run *run, void *arg)
{
	const struct role roles[] = { { .name = "closer", .body = close_on, .count = 1, .arg = arg } };

	crew_run(run, roles, COUNT_OF(roles));
}

static bool make(struct zone *zone, struct run *run)
{
	/* what one entry of the upper table maps, where the kernel shares tables at all */
	size_t table;

	*zone = (struct zone){ .run = run };
	if (!pool_find(run, &zone->pool, USED + 1))
		return false;
	zone->huge = page_bytes() / sizeof(uint64_t);
	zone->apart = zone->huge / USED;
	table = zone->huge * zone->pool.bytes;
	zone->file = memfd_create("tables", MFD_CLOEXEC | MFD_HUGETLB);
	if (zone->file < 0 || ftruncate(zone->file, table) != 0) {
		run_skip(run, "no file of huge pages (CONFIG_MEMFD_CREATE): errno %d", errno);
		return false;
	}
	zone->base = pool_reserve(run, &zone->pool, zone->huge, table);
	zone->claim = mmap(NULL, USED * sizeof(*zone->claim), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return zone->base && zone->claim != MAP_FAILED && map_whole(zone);
}

void shared_tables(struct run *run)
{
	static struct zone zone;
	pid_t pids[3];

	if (!make(&zone, run))
		return;
	for (unsigned int used = 0; used < USED; used++) {
		zone.generation[used] = 1;
		*tag_at(&zone, used) = tag_make(0, used, 1);
	}
	claims_publish(zone.claim, USED, 1, CLAIM_RW);
	zone.touched = (struct touched){
		.base = zone.base, .pages = USED, .stride = zone.apart * zone.pool.small, .claims = zone.claim,
		.want = { .zero_while_changing = true, .always_mapped = true },
	};
	zone.punched = run_event(run, SLOT_REQUIRED, "punched");
	zone.closed = run_event(run, SLOT_REQUIRED, "closed");
	touched_count(run, &zone.touched, false);
	pids[0] = child_start(run, live_as_user, &zone);
	pids[1] = child_start(run, live_as_reader, &zone);
	pids[2] = child_start(run, live_as_closer, &zone);
	for (unsigned int i = 0; i < COUNT_OF(pids); i++)
		child_wait(run, pids[i]);
}
