// SPDX-License-Identifier: GPL-2.0-only
/* minor: pages of a memory file that are in the page cache, but not mapped, are handed out by one thread. It takes a page
 * away, spoils it by another mapping, and repairs it before it lets it be mapped again.
 *
 * Oracle: what is read is always repaired: a page that was mapped around the userfaultfd, as a neighbour of another fault or
 * by a fault with an older VMA, is a spoilt one. The number that is read never falls. */
#define _GNU_SOURCE
#include <errno.h>
#include <unistd.h>

#include "monitor.h"
#include "subtests.h"

#define PAGES 12
#define SPOILT UINT64_C(0x5b0117)

struct zone {
	struct run *run;
	int fd;
	void *base, *alias;
	uint64_t generation;
	_Atomic unsigned int waiting;
	struct touched split;
	struct slot *continued;
};

static void hand_out(struct zone *zone, unsigned int page)
{
	int error;

	if (!run_sabotaged(zone->run, "continued-raw") && *area_word(zone->alias, page, WORD_TAG) == SPOILT)
		*(volatile uint64_t *)area_word(zone->alias, page, WORD_TAG) = tag_make(0, page, ++zone->generation);
	do
		error = monitor_continue(zone->fd, area_word(zone->base, page, 0));
	while (error == EAGAIN);
	if (error == EEXIST)
		monitor_wake(zone->run, zone->fd, area_word(zone->base, page, 0), 1);
	else if (error)
		run_fail(zone->run, "UFFDIO_CONTINUE of page %u: errno %d", page, error);
	slot_hit(zone->continued);
}

static void take_back(struct zone *zone, unsigned int first, unsigned int count)
{
	area_advise(zone->run, area_word(zone->base, first, 0), count, MADV_DONTNEED);
	/* nobody else hands them out: they are not mapped now */
	for (unsigned int page = first; page < first + count; page++)
		*(volatile uint64_t *)area_word(zone->alias, page, WORD_TAG) = SPOILT;
}

static void monitor(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct uffd_msg message;

	while (atomic_load(&zone->waiting) > 0) {
		unsigned int first = rng_below(&worker->rng, PAGES);

		take_back(zone, first, 1 + rng_below(&worker->rng, PAGES - first));
		rng_dither(&worker->rng);
		for (unsigned int i = 0; i < 2 * PAGES && monitor_read(zone->fd, &message); i++) {
			unsigned int page = monitor_page(zone->base, PAGES, message.arg.pagefault.address);

			if (message.event != UFFD_EVENT_PAGEFAULT || page == PAGES ||
			    !(message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_MINOR))
				run_fail(zone->run, "event %#x at %#llx, flags %#llx", message.event,
					 (unsigned long long)message.arg.pagefault.address,
					 (unsigned long long)message.arg.pagefault.flags);
			hand_out(zone, page % PAGES);
		}
		worker_did(worker);
	}
}

static void read_on(struct worker *worker)
{
	struct zone *zone = worker->arg;
	uint64_t newest[PAGES] = { 0 };

	while (worker_continue(worker)) {
		unsigned int page = rng_below(&worker->rng, PAGES);
		uint64_t value = *(volatile uint64_t *)area_word(zone->base, page, WORD_TAG);

		if (!tag_valid(value) || tag_page(value) != page || tag_generation(value) < newest[page])
			run_fail(worker->run, "page %u has %#llx after number %llu", page, (unsigned long long)value,
				 (unsigned long long)newest[page]);
		else
			newest[page] = tag_generation(value);
		worker_did(worker);
	}
	atomic_fetch_sub(&zone->waiting, 1);
}

void minor(struct run *run)
{
	static struct zone zone;
	unsigned int readers = run_threads_left(run, 2, 2);
	const struct role roles[] = {
		{ .name = "monitor", .body = monitor, .count = 1, .arg = &zone },
		{ .name = "splitter", .body = split_pages, .count = 1, .arg = &zone.split },
		{ .name = "reader", .body = read_on, .count = readers, .arg = &zone },
	};
	int file;

	zone = (struct zone){ .run = run, .waiting = readers, .generation = 1 };
	zone.fd = monitor_open(run, UFFD_FEATURE_MINOR_SHMEM, "minor faults of shared memory");
	if (zone.fd < 0)
		return;
	zone.base = area_reserve(run, PAGES);
	zone.alias = area_reserve(run, PAGES);
	file = area_tagged_file(run, 0, PAGES, 1);
	if (!zone.base || !zone.alias || file < 0 ||
	    area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) == MAP_FAILED ||
	    area_map(run, zone.alias, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) == MAP_FAILED)
		return;
	close(file);
	monitor_register(run, zone.fd, zone.base, PAGES, UFFDIO_REGISTER_MODE_MINOR);
	zone.split = (struct touched){ .base = zone.base, .pages = PAGES };
	zone.continued = run_event(run, SLOT_REQUIRED, "continued");
	crew_run(run, roles, COUNT_OF(roles));
}
