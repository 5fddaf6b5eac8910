// SPDX-License-Identifier: GPL-2.0-only
/* place: one thread gives ranges policies and moves pages.
 *
 * Oracles: pages keep what was written to them, and are never refused (toucher.c); so in a child. Of a range that was bound to a
 * node, strictly and with success, each page is on that node: also those that were faulted in meanwhile. Not of a file's. */
#define _GNU_SOURCE
#include <errno.h>

#include "subtests.h"
#include "zone.h"

#define TRIES 8                         /* to bind pages */

bool zone_make(struct zone *zone, struct run *run, bool is_shared)
{
	int file = -1;

	*zone = (struct zone){ .run = run, .is_shared = is_shared };
	if (!nodes_find(run, &zone->nodes))
		return false;
	zone->base = area_reserve(run, PAGES);
	if (is_shared)
		file = area_tagged_file(run, 0, PAGES, 1);
	if (!zone->base || (is_shared && file < 0) ||
	    area_map(run, zone->base, PAGES, PROT_READ | PROT_WRITE, is_shared ? MAP_SHARED : MAP_PRIVATE, file, 0) == MAP_FAILED)
		return false;
	area_tag(zone->base, PAGES, 0, 1);
	claims_publish(zone->claim, PAGES, 1, CLAIM_RW);
	zone->touched = (struct touched){
		.base = zone->base, .pages = PAGES, .claims = zone->claim, .keeps_data = true, .want.always_mapped = true,
	};
	zone->split = (struct touched){ .base = zone->base, .pages = PAGES };
	touched_count(run, &zone->touched, false);
	return true;
}

static int some_node(const struct zone *zone, struct rng *rng)
{
	return zone->nodes.number[rng_below(rng, zone->nodes.count)];
}

/* Oracle. A page that has no entry is nowhere: -ENOENT. */
static void check_nodes(struct zone *zone, unsigned int first, unsigned int count, int node)
{
	void *pages[PAGES];
	int status[PAGES];

	for (unsigned int i = 0; i < count; i++)
		pages[i] = zone->base + (first + i) * page_bytes();
	if (nodes_move(count, pages, NULL, status) != 0) {
		run_fail_errno(zone->run, "move_pages, asking");
		return;
	}
	for (unsigned int i = 0; i < count; i++)
		if (status[i] >= 0 && status[i] != node)
			run_fail(zone->run, "page %u is on node %d, and was bound to %d", first + i, status[i], node);
}

static void bind(struct zone *zone, struct rng *rng, unsigned int first, unsigned int count)
{
	static const int others[] = { MPOL_DEFAULT, MPOL_PREFERRED, MPOL_INTERLEAVE };
	void *at = zone->base + first * page_bytes();
	int node = some_node(zone, rng), got = -1;

	if (rng_one_in(rng, 4)) {
		if (nodes_bind(at, count, others[rng_below(rng, COUNT_OF(others))], nodes_mask(&zone->nodes, -1), 0) != 0)
			run_fail_errno(zone->run, "mbind");
		return;
	}
	/* a page that is in use just now stays where it is, and that is told */
	for (unsigned int try = 0; try < TRIES && got != 0 && (try == 0 || errno == EIO); try++) {
		got = nodes_bind(at, count, MPOL_BIND, nodes_mask(&zone->nodes, node), MPOL_MF_MOVE | MPOL_MF_STRICT);
		rng_dither(rng);
	}
	if (run_sabotaged(zone->run, "bind-not")) {
		nodes_bind(at, count, MPOL_DEFAULT, 0, 0);
		nodes_migrate(zone->nodes.number[0], zone->nodes.number[1]);
		node = zone->nodes.number[0];
	}
	if (got == 0) {
		/* a page of a file that nobody has mapped just then is not asked */
		if (!zone->is_shared)
			check_nodes(zone, first, count, node);
		slot_hit(zone->bound);
	} else if (errno != EIO) {
		run_fail_errno(zone->run, "mbind, to move");
	}
}

static void move(struct zone *zone, struct rng *rng, unsigned int first, unsigned int count)
{
	void *pages[PAGES];
	int to[PAGES], status[PAGES];

	for (unsigned int i = 0; i < count; i++) {
		pages[i] = zone->base + (first + i) * page_bytes();
		to[i] = some_node(zone, rng);
	}
	if (nodes_move(count, pages, to, status) < 0)
		run_fail_errno(zone->run, "move_pages");
	slot_hit(zone->moved);
}

static void look_as_child(struct run *run, void *arg)
{
	struct zone *zone = arg;

	if (run_sabotaged(run, "child-loses"))
		madvise(zone->base, page_bytes(), MADV_DONTNEED);
	for (unsigned int page = 0; page < PAGES; page++) {
		uint64_t value = 0;
		enum access got = fault_load(area_word(zone->base, page, WORD_TAG), &value);

		if (got != ACCESS_OK || value != tag_make(0, page, 1))
			run_fail(run, "child: page %u: %s, %#llx", page, access_name(got), (unsigned long long)value);
		/* a copy, which the policy of the VMA places */
		if (!zone->is_shared)
			fault_store(area_word(zone->base, page, WORD_TAG), 1);
	}
	nodes_migrate(zone->nodes.number[0], zone->nodes.number[1]);
}

static void change(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct rng *rng = &worker->rng;

	for (unsigned int turn = 0; worker_continue(worker); turn++) {
		/* few are moved more surely than many: none must be in use just then */
		unsigned int first = rng_below(rng, PAGES);
		unsigned int count = 1 + rng_below(rng, rng_one_in(rng, 2) ? 1 : PAGES - first);

		if (run_sabotaged(worker->run, "page-lost"))
			area_advise(worker->run, zone->base, 1, zone->is_shared ? MADV_REMOVE : MADV_DONTNEED);
		switch (rng_turn(rng, turn, 8)) {
		case 0:
			child_wait(zone->run, child_start(zone->run, look_as_child, zone));
			slot_hit(zone->forked);
			break;
		case 1:
			if (nodes_migrate(some_node(zone, rng), some_node(zone, rng)) < 0)
				run_fail_errno(zone->run, "migrate_pages");
			slot_hit(zone->migrated);
			break;
		case 2:
		case 3:
			move(zone, rng, first, count);
			break;
		default:
			bind(zone, rng, first, count);
		}
		for (unsigned int i = rng_below(rng, 3); i > 0; i--)
			rng_dither(rng);
		worker_did(worker);
	}
}

static void go(struct run *run, bool is_shared)
{
	static struct zone zone;
	/* where the pages are the file's, their entries are taken away, too */
	const struct role roles[] = {
		{ .name = "changer", .body = change, .count = 1, .arg = &zone },
		{ .name = "splitter", .body = split_pages, .count = 1, .arg = &zone.split },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 2, 2), .arg = &zone.touched },
		{ .name = "dropper", .body = drop_pages, .count = 1, .arg = &zone.touched },
	};

	if (!zone_make(&zone, run, is_shared))
		return;
	zone.bound = run_event(run, SLOT_EVENT, "bound");
	zone.moved = run_event(run, SLOT_REQUIRED, "moved");
	zone.migrated = run_event(run, SLOT_EVENT, "migrated");
	zone.forked = run_event(run, SLOT_EVENT, "forked");
	crew_run(run, roles, COUNT_OF(roles) - !is_shared);
}

void place(struct run *run)
{
	go(run, false);
}

void place_shared(struct run *run)
{
	go(run, true);
}
