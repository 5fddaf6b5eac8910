// SPDX-License-Identifier: GPL-2.0-only
/* write-protect: one thread protects pages by userfaultfd, looks whether they stand still, and lets their writers go on;
 * meanwhile the pages' VMA is split and merged.
 *
 * Oracles: between the protection of a page and its release, which one thread does, no word of it changes: a write fault
 * that was under way made the page writable behind the protection, or a split lost the mark. What a writer wrote stays. */
#define _GNU_SOURCE
#include <errno.h>

#include "monitor.h"
#include "subtests.h"
#include "writer.h"

#define PAGES 8

struct zone {
	struct run *run;
	int fd;
	void *base;
	unsigned int writers;
	_Atomic unsigned int waiting;
	struct touched split;
	struct slot *released;
};

static void protect(struct zone *zone, unsigned int page, bool on)
{
	int error;

	do
		error = monitor_protect(zone->fd, area_word(zone->base, page, 0), on);
	while (error == EAGAIN);
	if (error)
		run_fail(zone->run, "UFFDIO_WRITEPROTECT: errno %d", error);
}

static uint64_t word_of(struct zone *zone, unsigned int page, unsigned int writer)
{
	return *(volatile uint64_t *)area_word(zone->base, page, WORD_OF_THREAD(writer));
}

static void look_twice(struct worker *worker, unsigned int page)
{
	struct zone *zone = worker->arg;
	uint64_t seen[THREADS_MAX];

	for (unsigned int id = 0; id < zone->writers; id++)
		seen[id] = word_of(zone, page, id);
	rng_dither_below(&worker->rng, 4);
	for (unsigned int id = 0; id < zone->writers; id++)
		if (word_of(zone, page, id) != seen[id])
			run_fail(zone->run, "page %u is protected, and writer %u's word went from %#llx to %#llx", page, id,
				 (unsigned long long)seen[id], (unsigned long long)word_of(zone, page, id));
}

static void guard(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct uffd_msg message;

	while (atomic_load(&zone->waiting) > 0) {
		unsigned int page = rng_below(&worker->rng, PAGES);

		if (!run_sabotaged(zone->run, "not-protected"))
			protect(zone, page, true);
		look_twice(worker, page);
		/* not always at once: writers pile up */
		if (rng_one_in(&worker->rng, 2))
			protect(zone, page, false);
		for (unsigned int i = 0; i < PAGES && monitor_read(zone->fd, &message); i++) {
			page = monitor_page(zone->base, PAGES, message.arg.pagefault.address);
			if (message.event != UFFD_EVENT_PAGEFAULT || page == PAGES)
				run_fail(zone->run, "event %#x at %#llx", message.event,
					 (unsigned long long)message.arg.pagefault.address);
			else if (!(message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP))
				run_fail(zone->run, "page %u is said to be missing: flags %#llx", page,
					 (unsigned long long)message.arg.pagefault.flags);
			protect(zone, page % PAGES, false);
			slot_hit(zone->released);
		}
		worker_did(worker);
	}
}

static void write_on(struct worker *worker)
{
	struct zone *zone = worker->arg;
	uint64_t stored[PAGES] = { 0 };

	for (uint64_t serial = 1; worker_continue(worker); serial++) {
		volatile uint64_t *word = writer_store(worker, zone->base, PAGES, stored, serial);

		if (run_sabotaged(worker->run, "write-undone"))
			*word = serial - 1;
		worker_did(worker);
	}
	atomic_fetch_sub(&zone->waiting, 1);
}

void write_protect(struct run *run)
{
	static struct zone zone;
	unsigned int writers = run_threads_left(run, 2, 2);
	const struct role roles[] = {
		{ .name = "guard", .body = guard, .count = 1, .arg = &zone },
		{ .name = "splitter", .body = split_pages, .count = 1, .arg = &zone.split },
		{ .name = "writer", .body = write_on, .count = writers, .arg = &zone },
	};

	zone = (struct zone){ .run = run, .writers = writers, .waiting = writers };
	zone.fd = monitor_open(run, UFFD_FEATURE_PAGEFAULT_FLAG_WP, "write protection");
	if (zone.fd < 0)
		return;
	zone.base = area_reserve(run, PAGES);
	if (!zone.base || area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	area_tag(zone.base, PAGES, 0, 0);
	zone.split = (struct touched){ .base = zone.base, .pages = PAGES };
	monitor_register(run, zone.fd, zone.base, PAGES, UFFDIO_REGISTER_MODE_WP);
	zone.released = run_event(run, SLOT_REQUIRED, "released");
	crew_run(run, roles, COUNT_OF(roles));
}
