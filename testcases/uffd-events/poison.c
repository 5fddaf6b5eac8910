// SPDX-License-Identifier: GPL-2.0-only
/* poison: every fourth page is answered with poison instead of data, while pages are thrown away, their VMA is split and
 * merged, and the process forks.
 *
 * Oracles: an access of a poisoned page gets SIGBUS, and one of another page its tag. A mark that was lost gives zero, one
 * that spread gives SIGBUS. A child has the marks of the pages that its parent had. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>

#include "monitor.h"
#include "subtests.h"

#define PAGES 12

struct zone {
	struct run *run;
	int fd;
	void *base;
	_Atomic unsigned int waiting;
	struct touched split;
	struct slot *poisoned, *copied;
};

static bool is_poisoned(unsigned int page)
{
	return page % 4 == 1;
}

static void answer(struct zone *zone, unsigned int page)
{
	void *at = area_word(zone->base, page, 0);
	bool poisoned = is_poisoned(page);
	int error;

	if (run_sabotaged(zone->run, "poison-cured") && page == 5)
		poisoned = false;
	if (run_sabotaged(zone->run, "poison-spreads") && page == 6)
		poisoned = true;
	do
		error = poisoned ? monitor_poison(zone->fd, at) : monitor_copy(zone->fd, at, tag_make(0, page, 0));
	while (error == EAGAIN);
	if (error == EEXIST)
		monitor_wake(zone->run, zone->fd, at, 1);
	else if (error)
		run_fail(zone->run, "answering page %u: errno %d", page, error);
	slot_hit(poisoned ? zone->poisoned : zone->copied);
}

static void monitor(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct uffd_msg message;

	while (atomic_load(&zone->waiting) > 0) {
		unsigned int page;

		if (!monitor_read_soon(zone->fd, &message))
			continue;
		page = monitor_page(zone->base, PAGES, message.arg.pagefault.address);
		if (message.event != UFFD_EVENT_PAGEFAULT || page == PAGES)
			run_fail(zone->run, "event %#x at %#llx", message.event,
				 (unsigned long long)message.arg.pagefault.address);
		answer(zone, page % PAGES);
		worker_did(worker);
	}
}

/* may_be_zero: in a child, whose missing pages nobody answers for */
static void look(struct run *run, struct zone *zone, unsigned int page, bool may_be_zero)
{
	uint64_t value = 0;
	enum access got = fault_load(area_word(zone->base, page, WORD_TAG), &value);
	bool fresh = may_be_zero && got == ACCESS_OK && value == 0;
	bool fair = is_poisoned(page) ? got == ACCESS_BUS : got == ACCESS_OK && value == tag_make(0, page, 0);

	if (!fair && !fresh)
		run_fail(run, "%spage %u: %s, %#llx", may_be_zero ? "child: " : "", page, access_name(got),
			 (unsigned long long)value);
}

static void look_as_child(struct run *run, void *arg)
{
	for (unsigned int page = 0; page < PAGES; page++)
		look(run, arg, page, true);
}

static void change(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		unsigned int first = rng_below(&worker->rng, PAGES);

		area_advise(worker->run, area_word(zone->base, first, 0), PAGES - first, MADV_DONTNEED);
		for (unsigned int i = rng_below(&worker->rng, 8); i > 0; i--)
			sched_yield();
		if (rng_one_in(&worker->rng, 4))
			child_wait(worker->run, child_start(worker->run, look_as_child, zone));
		worker_did(worker);
	}
	atomic_fetch_sub(&zone->waiting, 1);
}

static void touch_and_tell(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		look(worker->run, zone, rng_below(&worker->rng, PAGES), false);
		worker_did(worker);
	}
	atomic_fetch_sub(&zone->waiting, 1);
}

void poison(struct run *run)
{
	static struct zone zone;
	unsigned int touchers = run_threads_left(run, 3, 2);
	const struct role roles[] = {
		{ .name = "monitor", .body = monitor, .count = 1, .arg = &zone },
		{ .name = "changer", .body = change, .count = 1, .arg = &zone },
		{ .name = "splitter", .body = split_pages, .count = 1, .arg = &zone.split },
		{ .name = "toucher", .body = touch_and_tell, .count = touchers, .arg = &zone },
	};

	zone = (struct zone){ .run = run, .waiting = touchers + 1 };
	zone.fd = monitor_open(run, FEATURE_POISON, "poison (Linux 6.6)");
	if (zone.fd < 0)
		return;
	zone.base = area_reserve(run, PAGES);
	if (!zone.base || area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	zone.split = (struct touched){ .base = zone.base, .pages = PAGES };
	monitor_register(run, zone.fd, zone.base, PAGES, UFFDIO_REGISTER_MODE_MISSING);
	zone.poisoned = run_event(run, SLOT_REQUIRED, "poisoned");
	zone.copied = run_event(run, SLOT_REQUIRED, "copied");
	crew_run(run, roles, COUNT_OF(roles));
}
