// SPDX-License-Identifier: GPL-2.0-only
/* private: each page of a private mapping has an owner, who makes a copy of it by a store; holes that are punched into the
 * file, and what is written to it, go past the copy, and only a cut takes it.
 *
 * Oracles: while the page has not been cut, the copy is there and stands still. The file never has what was stored to a
 * copy. */
#define _GNU_SOURCE
#include <unistd.h>

#include "subtests.h"
#include "zone.h"

struct owning {
	struct zone zone;
	unsigned int owners;
	struct slot *kept, *gone;
};

struct copy {
	uint64_t cuts, mark, tag;       /* mark 0: there is none */
};

#define MARK_WORD WORD_OF_THREAD(0)

/* false: refused */
static bool make_copy(struct owning *owning, unsigned int page, uint64_t mark, struct copy *copy)
{
	struct zone *zone = &owning->zone;

	*copy = (struct copy){ .cuts = atomic_load(&zone->cuts[page]) };
	if (copy->cuts % 2 ||
	    zone_refusal(zone, page, fault_store(area_word(zone->base, page, MARK_WORD), mark)) != ACCESS_OK)
		return false;
	if (zone_refusal(zone, page, fault_load(area_word(zone->base, page, WORD_TAG), &copy->tag)) != ACCESS_OK)
		return false;
	copy->mark = mark;
	return true;
}

static void check_copy(struct worker *worker, struct owning *owning, unsigned int page, struct copy *copy)
{
	struct zone *zone = &owning->zone;
	uint64_t mark = 0, tag = 0;
	enum access got;

	if (run_sabotaged(worker->run, "copy-lost"))
		area_advise(worker->run, area_word(zone->base, page, 0), 1, MADV_DONTNEED);
	if (run_sabotaged(worker->run, "copy-changes"))
		fault_store(area_word(zone->base, page, WORD_TAG), copy->mark);
	got = fault_load(area_word(zone->base, page, MARK_WORD), &mark);
	if (got == ACCESS_OK)
		got = fault_load(area_word(zone->base, page, WORD_TAG), &tag);
	got = zone_refusal(zone, page, got);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load(&zone->cuts[page]) != copy->cuts) {
		slot_hit(owning->gone);
		copy->mark = 0;
		return;
	}
	if (got != ACCESS_OK || mark != copy->mark || tag != copy->tag)
		run_fail(worker->run, "the copy of page %u: %s, has %#llx and tag %#llx, had %#llx and tag %#llx", page,
			 access_name(got), (unsigned long long)mark, (unsigned long long)tag, (unsigned long long)copy->mark,
			 (unsigned long long)copy->tag);
	slot_hit(owning->kept);
}

static void check_file(struct worker *worker, struct zone *zone, unsigned int page)
{
	off_t at = (off_t)page * page_bytes() + MARK_WORD * sizeof(uint64_t);
	uint64_t value = 0;

	if (run_sabotaged(worker->run, "copy-leaks") && pwrite(zone->file, &(uint64_t){ 1 }, sizeof(value), at) < 0)
		return;
	if (pread(zone->file, &value, sizeof(value), at) == sizeof(value) && value != 0)
		run_fail(worker->run, "the file has %#llx in page %u, which was only stored to copies", (unsigned long long)value, page);
}

static void own(struct worker *worker)
{
	struct owning *owning = worker->arg;
	struct copy copies[PAGES] = { 0 };

	for (uint64_t serial = 1; worker_continue(worker); serial++) {
		unsigned int page = rng_below(&worker->rng, (PAGES - worker->id - 1) / owning->owners + 1) * owning->owners + worker->id;
		struct copy *copy = &copies[page];

		if (copy->mark)
			check_copy(worker, owning, page, copy);
		if (!copy->mark || rng_one_in(&worker->rng, 16)) {
			/* a fresh copy, so that more than the first one is tried */
			if (copy->mark)
				area_advise(worker->run, area_word(owning->zone.base, page, 0), 1, MADV_DONTNEED);
			make_copy(owning, page, serial, copy);
		}
		check_file(worker, &owning->zone, page);
		worker_did(worker);
	}
}

void private(struct run *run)
{
	static struct owning owning;
	unsigned int owners = run_threads_left(run, 1, 2);
	struct role roles[] = {
		{ .name = "changer", .body = zone_change, .count = 1, .arg = &owning.zone },
		{ .name = "owner", .body = own, .arg = &owning },
	};

	owning.owners = roles[1].count = owners > PAGES ? PAGES : owners;
	if (!zone_make(&owning.zone, run, MAP_PRIVATE))
		return;
	owning.kept = run_event(run, SLOT_REQUIRED, "copies_kept");
	owning.gone = run_event(run, SLOT_REQUIRED, "copies_gone");
	crew_run(run, roles, COUNT_OF(roles));
}
