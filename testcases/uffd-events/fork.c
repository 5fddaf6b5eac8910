// SPDX-License-Identifier: GPL-2.0-only
/* fork: a fork waits until the reader of the userfaultfd has taken the child's; then the child's missing pages are its to
 * answer, by a userfaultfd of their own, while the parent's threads fault on theirs.
 *
 * Oracles: the child finds the parent's tag on pages that the parent has, its own on those that it never had, one of both
 * where threads of the parent were faulting, and zero nowhere: a VMA that was copied without its context, or with the
 * parent's, a page that went to the other address space. A page of the parent's that is always there is never asked for. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "monitor.h"
#include "subtests.h"

#define KEPT 4                          /* there from the beginning */
#define DROPPED 4                       /* come and go */
#define MISSING 4                       /* no thread of the parent ever touches them */
#define PAGES (KEPT + DROPPED + MISSING)
enum { PARENT, CHILD };

struct zone {
	struct run *run;
	int fd, childs;                 /* childs: of the newest child, -1: none yet */
	void *base;
	bool again;                     /* somebody sleeps whose fault could not be answered yet */
	struct claim claim[PAGES];
	struct touched touched;
	_Atomic unsigned int waiting;   /* those who may sleep until they are answered */
	struct slot *answered[2];
};

static void answer(struct zone *zone, int fd, unsigned int whose, uint64_t address)
{
	unsigned int page = monitor_page(zone->base, PAGES, address);
	unsigned int says = run_sabotaged(zone->run, "child-gets-parents") ? PARENT : whose;
	int error;

	if (page == PAGES || (whose == PARENT && page >= KEPT + DROPPED) || page < KEPT) {
		run_fail(zone->run, "a fault of the %s at %#llx, which is page %u", whose == CHILD ? "child" : "parent",
			 (unsigned long long)address, page);
		/* it must not sleep for ever */
		monitor_copy(fd, area_word(zone->base, page % PAGES, 0), tag_make(says, page, 0));
		return;
	}
	error = monitor_copy(fd, area_word(zone->base, page, 0), tag_make(says, page, 0));
	/* A fork waits to be read. Not woken at once: faults are handed out first, and would be for ever. */
	if (error == EAGAIN) {
		zone->again = true;
		return;
	}
	/* there already; or the child is gone. Whoever sleeps looks again. */
	if (error == EEXIST || (error == ESRCH && whose == CHILD))
		monitor_wake(zone->run, fd, area_word(zone->base, page, 0), 1);
	else if (error)
		run_fail(zone->run, "UFFDIO_COPY of page %u: errno %d", page, error);
	slot_hit(zone->answered[whose]);
}

static void take(struct zone *zone, int fd, unsigned int whose)
{
	struct uffd_msg message;

	if (!monitor_read(fd, &message))
		return;
	if (message.event == UFFD_EVENT_PAGEFAULT) {
		answer(zone, fd, whose, message.arg.pagefault.address);
	} else if (message.event == UFFD_EVENT_FORK && whose == PARENT) {
		/* one child at a time: the last one has ended */
		if (zone->childs >= 0)
			close(zone->childs);
		zone->childs = message.arg.fork.ufd;
	} else {
		run_fail(zone->run, "event %#x of the %s", message.event, whose == CHILD ? "child" : "parent");
	}
}

static void answer_all(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (atomic_load(&zone->waiting) > 0) {
		struct pollfd pollers[] = { { .fd = zone->fd, .events = POLLIN }, { .fd = zone->childs, .events = POLLIN } };

		if (poll(pollers, 2, zone->again ? 0 : 5) <= 0) {
			if (zone->again)
				monitor_wake(zone->run, zone->fd, zone->base, PAGES);
			zone->again = false;
			continue;
		}
		if (pollers[1].revents & POLLIN)
			take(zone, pollers[1].fd, CHILD);
		if (pollers[0].revents & POLLIN)
			take(zone, zone->fd, PARENT);
		worker_did(worker);
	}
}

static void look_as_child(struct run *run, void *arg)
{
	struct zone *zone = arg;

	for (unsigned int i = 0; i < PAGES; i++) {
		unsigned int page = i * 5 % PAGES;
		uint64_t *words = area_word(zone->base, page, 0);
		uint64_t value = *(volatile uint64_t *)words;
		bool fair = (page < KEPT + DROPPED && value == tag_make(PARENT, page, 0)) ||
			    (page >= KEPT && value == tag_make(CHILD, page, 0));

		if (!fair)
			run_fail(run, "child: page %u has %#llx", page, (unsigned long long)value);
		*(volatile uint64_t *)(words + 1) = value;
		if (*(volatile uint64_t *)(words + 1) != value || *(volatile uint64_t *)words != value)
			run_fail(run, "child: page %u lost a write, or its tag", page);
	}
}

static void fork_often(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		area_advise(worker->run, area_word(zone->base, KEPT, 0), DROPPED, MADV_DONTNEED);
		if (run_sabotaged(worker->run, "kept-answered"))
			area_advise(worker->run, zone->base, 1, MADV_DONTNEED);
		rng_dither(&worker->rng);
		child_wait(worker->run, child_start(worker->run, look_as_child, zone));
		worker_did(worker);
	}
	atomic_fetch_sub(&zone->waiting, 1);
}

static void touch_and_tell(struct worker *worker)
{
	struct zone *zone = worker->arg;

	worker->arg = &zone->touched;
	touch(worker);
	atomic_fetch_sub(&zone->waiting, 1);
}

void event_fork(struct run *run)
{
	static struct zone zone;
	unsigned int touchers = run_threads_left(run, 2, 2);
	const struct role roles[] = {
		{ .name = "answerer", .body = answer_all, .count = 1, .arg = &zone },
		{ .name = "forker", .body = fork_often, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch_and_tell, .count = touchers, .arg = &zone },
	};

	zone = (struct zone){ .run = run, .childs = -1, .waiting = touchers + 1 };
	zone.fd = monitor_open(run, UFFD_FEATURE_EVENT_FORK, "event of fork, or not without CAP_SYS_PTRACE");
	if (zone.fd < 0)
		return;
	zone.base = area_reserve(run, PAGES);
	if (!zone.base || area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	area_tag(zone.base, KEPT, PARENT, 0);
	claims_publish(zone.claim, KEPT, 0, CLAIM_RW);
	claims_publish(zone.claim + KEPT, DROPPED, 0, CLAIM_RW | MAY_LOSE_WRITES);
	monitor_register(run, zone.fd, zone.base, PAGES, UFFDIO_REGISTER_MODE_MISSING);
	zone.touched = (struct touched){
		.base = zone.base, .pages = KEPT + DROPPED, .claims = zone.claim, .want.always_mapped = true,
	};
	zone.answered[PARENT] = run_event(run, SLOT_REQUIRED, "answered_parent");
	zone.answered[CHILD] = run_event(run, SLOT_REQUIRED, "answered_child");
	touched_count(run, &zone.touched, false);
	crew_run(run, roles, COUNT_OF(roles));
}
