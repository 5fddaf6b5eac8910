// SPDX-License-Identifier: GPL-2.0-only
/* layout: a registered range is moved from one place to the other, thrown away in part, unmapped in part and mapped again;
 * each of these waits until its event has been read. Threads touch both places meanwhile.
 *
 * Oracles: each change makes the event that it has to, of just its range, and nothing makes others. A page has a number,
 * which is odd while the page may go away, and even while it may not. An even number is given to a page once: asked for
 * again, it was lost by a move. Of two numbers in a row, 2k - 1 and 2k, the tag's generation is k: an older one is a page
 * that survived its removal (claim.c). Nothing is ever zero: a moved VMA keeps its context. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "monitor.h"
#include "subtests.h"

#define PAGES 12

struct expected_event {
	unsigned int kind;
	uint64_t from, to, bytes;
};

struct zone {
	struct run *run;
	int fd;
	void *place[2];
	bool again;                     /* somebody sleeps whose fault could not be answered yet */
	unsigned int at;                /* the changer's: which of them */
	_Atomic uint64_t number[PAGES];
	uint64_t given[PAGES];          /* the monitor's: the last one that an answer of it had */
	struct claim claim[2][PAGES];
	struct touched touched[2];
	_Atomic unsigned int waiting;
	struct expected_event announced;        /* by the changer, before it calls */
	_Atomic uint64_t heard;         /* bytes that events were about */
	_Atomic unsigned int asked, reached;    /* the monitor is through with what it had read when it was asked */
	struct slot *events, *answered;
};

static void hear(struct zone *zone, const struct uffd_msg *message)
{
	struct expected_event got = { .kind = message->event }, want = zone->announced;

	if (message->event == UFFD_EVENT_REMAP)
		got = (struct expected_event){ UFFD_EVENT_REMAP, message->arg.remap.from, message->arg.remap.to,
					       message->arg.remap.len };
	else
		got = (struct expected_event){ message->event, message->arg.remove.start, 0,
					       message->arg.remove.end - message->arg.remove.start };
	/* where something was moved from it is unmapped, too: kernels differ in whether they say so */
	if (want.kind == UFFD_EVENT_REMAP && got.kind == UFFD_EVENT_UNMAP && got.from == want.from && got.bytes == want.bytes)
		return;
	if (got.kind != want.kind || got.to != want.to || got.from < want.from || got.from + got.bytes > want.from + want.bytes)
		run_fail(zone->run, "event %#x of %#llx to %#llx, %#llx bytes; the call was %#x of %#llx to %#llx, %#llx", got.kind,
			 (unsigned long long)got.from, (unsigned long long)got.to, (unsigned long long)got.bytes, want.kind,
			 (unsigned long long)want.from, (unsigned long long)want.to, (unsigned long long)want.bytes);
	slot_hit(zone->events);
	atomic_fetch_add(&zone->heard, got.bytes);
}

static void answer(struct zone *zone, uint64_t address)
{
	unsigned int page = monitor_page(zone->place[0], PAGES, address);
	void *base = zone->place[0];
	uint64_t number;
	int error;

	if (page == PAGES) {
		base = zone->place[1];
		page = monitor_page(base, PAGES, address);
	}
	if (page == PAGES) {
		run_fail(zone->run, "a fault at %#llx, outside of both places", (unsigned long long)address);
		return;
	}
	number = atomic_load(&zone->number[page]);
	error = monitor_copy(zone->fd, area_word(base, page, 0), tag_make(0, page, (number + 1) / 2));
	if (error == 0) {
		if (number % 2 == 0 && zone->given[page] == number)
			run_fail(zone->run, "page %u was missing again, though nothing took it", page);
		zone->given[page] = number;
		slot_hit(zone->answered);
		return;
	}
	/* A change waits to be read. Not woken at once: faults are handed out first, and would be for ever. */
	if (error == EAGAIN) {
		zone->again = true;
		return;
	}
	/* there or gone: whoever sleeps has to look again */
	if (error != EEXIST && error != ENOENT && error != ESRCH)
		run_fail(zone->run, "UFFDIO_COPY of page %u: errno %d", page, error);
	monitor_wake(zone->run, zone->fd, area_word(base, page, 0), 1);
}

static void monitor(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct uffd_msg message;

	while (atomic_load(&zone->waiting) > 0) {
		atomic_store(&zone->reached, atomic_load(&zone->asked));
		if (!(zone->again ? monitor_read(zone->fd, &message) : monitor_read_soon(zone->fd, &message))) {
			for (unsigned int i = 0; i < 2 && zone->again; i++)
				monitor_wake(zone->run, zone->fd, zone->place[i], PAGES);
			zone->again = false;
			continue;
		}
		if (message.event == UFFD_EVENT_PAGEFAULT)
			answer(zone, message.arg.pagefault.address);
		else
			hear(zone, &message);
		worker_did(worker);
	}
}

static void announce(struct zone *zone, unsigned int kind, void *from, void *to, unsigned int pages)
{
	zone->announced = (struct expected_event){ kind, (uintptr_t)from, (uintptr_t)to, pages * page_bytes() };
	if (run_sabotaged(zone->run, "event-unannounced"))
		zone->announced.bytes--;
	atomic_store(&zone->heard, 0);
}

/* The call returns when its events have been read, and the monitor looks at them a little later. */
static void wait_heard(struct zone *zone, unsigned int pages)
{
	unsigned int asked = atomic_fetch_add(&zone->asked, 1) + 1;

	while (atomic_load(&zone->reached) != asked)
		sched_yield();
	if (atomic_load(&zone->heard) != pages * page_bytes())
		run_fail(zone->run, "a call of %#x made events of %#llx bytes instead of %#llx", zone->announced.kind,
			 (unsigned long long)atomic_load(&zone->heard), (unsigned long long)pages * page_bytes());
}

static void may_go(struct zone *zone, unsigned int first, unsigned int count)
{
	claims_update(&zone->claim[zone->at][first], count, CLAIM_ANY | MAY_LOSE_WRITES | MAY_BE_NEXT);
	for (unsigned int page = first; page < first + count; page++)
		atomic_fetch_add(&zone->number[page], 1);
}

static void has_gone(struct zone *zone, unsigned int first, unsigned int count)
{
	for (unsigned int page = first; page < first + count; page++) {
		uint64_t number = atomic_fetch_add(&zone->number[page], 1) + 1;

		claim_publish(&zone->claim[zone->at][page], number / 2, CLAIM_RW | MAY_LOSE_WRITES);
	}
}

static void throw_away(struct zone *zone, unsigned int first, unsigned int count)
{
	void *at = area_word(zone->place[zone->at], first, 0);

	unsigned int really = run_sabotaged(zone->run, "removed-stays") ? 1 : count;

	may_go(zone, first, count);
	announce(zone, UFFD_EVENT_REMOVE, at, NULL, really);
	if (!run_sabotaged(zone->run, "event-missing"))
		area_advise(zone->run, at, really, MADV_DONTNEED);
	wait_heard(zone, really);
	has_gone(zone, first, count);
}

/* A part, and then all, with a new mapping in its place that is one VMA again; the event says what the call was about, not what
 * was still there, and there is none where nothing was. It is not accessible before it is registered: a page of zeroes could come in. */
static void unmap_and_back(struct zone *zone, unsigned int first, unsigned int count)
{
	void *base = zone->place[zone->at], *at = area_word(base, first, 0);
	struct claim *claims = zone->claim[zone->at];

	may_go(zone, 0, PAGES);
	announce(zone, UFFD_EVENT_UNMAP, at, NULL, count);
	area_unmap(zone->run, at, count);
	wait_heard(zone, count);
	/* who sleeps there is not woken by the end of the mapping */
	monitor_wake(zone->run, zone->fd, at, count);
	claims_update(&claims[first], count, CLAIM_NONE);
	announce(zone, UFFD_EVENT_UNMAP, base, NULL, PAGES);
	area_map(zone->run, base, PAGES, PROT_NONE, MAP_PRIVATE, -1, 0);
	wait_heard(zone, count < PAGES ? PAGES : 0);
	monitor_wake(zone->run, zone->fd, base, PAGES);
	monitor_register(zone->run, zone->fd, base, PAGES, UFFDIO_REGISTER_MODE_MISSING);
	claims_update(claims, PAGES, CLAIM_NONE);
	claims_update(claims, PAGES, CLAIM_ANY | MAY_LOSE_WRITES | MAY_BE_NEXT);
	area_protect(zone->run, base, PAGES, PROT_READ | PROT_WRITE);
	has_gone(zone, 0, PAGES);
}

static void move(struct zone *zone)
{
	void *from = zone->place[zone->at], *to = zone->place[!zone->at];
	struct claim *old = zone->claim[zone->at], *new = zone->claim[!zone->at];

	claims_update(old, PAGES, CLAIM_ANY | MAY_LOSE_WRITES);
	for (unsigned int page = 0; page < PAGES; page++)
		claim_publish(&new[page], claim_generation(claim_read(&old[page])), CLAIM_ANY | MAY_LOSE_WRITES);
	announce(zone, UFFD_EVENT_REMAP, from, to, PAGES);
	if (mremap(from, PAGES * page_bytes(), PAGES * page_bytes(), MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		run_fail_errno(zone->run, "mremap");
	wait_heard(zone, PAGES);
	monitor_wake(zone->run, zone->fd, from, PAGES);
	area_map(zone->run, from, PAGES, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE, -1, 0);
	claims_update(old, PAGES, CLAIM_NONE);
	zone->at = !zone->at;
	claims_update(new, PAGES, CLAIM_RW | MAY_LOSE_WRITES);
	if (run_sabotaged(zone->run, "moved-lost")) {
		announce(zone, UFFD_EVENT_REMOVE, to, NULL, PAGES);
		area_advise(zone->run, to, PAGES, MADV_DONTNEED);
	}
}

static void change(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		unsigned int first = rng_below(&worker->rng, PAGES - 1);
		unsigned int count = 1 + rng_below(&worker->rng, PAGES - first);

		switch (rng_below(&worker->rng, 4)) {
		case 0:
			throw_away(zone, first, count);
			break;
		case 1:
			unmap_and_back(zone, first, count);
			break;
		default:
			move(zone);
		}
		rng_dither_below(&worker->rng, 6);
		worker_did(worker);
	}
	atomic_fetch_sub(&zone->waiting, 1);
}

static void touch_and_tell(struct worker *worker)
{
	struct zone *zone = worker->arg;

	worker->arg = &zone->touched[worker->id % 2];
	touch(worker);
	atomic_fetch_sub(&zone->waiting, 1);
}

void event_layout(struct run *run)
{
	static struct zone zone;
	unsigned int touchers = run_threads_left(run, 2, 2);
	const struct role roles[] = {
		{ .name = "monitor", .body = monitor, .count = 1, .arg = &zone },
		{ .name = "changer", .body = change, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch_and_tell, .count = touchers, .arg = &zone },
	};

	zone = (struct zone){ .run = run, .waiting = touchers + 1 };
	zone.fd = monitor_open(run, UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP, "events");
	if (zone.fd < 0)
		return;
	for (unsigned int i = 0; i < 2; i++) {
		zone.place[i] = area_reserve(run, PAGES);
		if (!zone.place[i])
			return;
		claims_publish(zone.claim[i], PAGES, 0, i ? CLAIM_NONE : CLAIM_RW | MAY_LOSE_WRITES);
		zone.touched[i] = (struct touched){ .base = zone.place[i], .pages = PAGES, .claims = zone.claim[i] };
		touched_count(run, &zone.touched[i], true);
	}
	for (unsigned int page = 0; page < PAGES; page++)
		zone.given[page] = UINT64_MAX;
	if (area_map(run, zone.place[0], PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	monitor_register(run, zone.fd, zone.place[0], PAGES, UFFDIO_REGISTER_MODE_MISSING);
	zone.events = run_event(run, SLOT_REQUIRED, "events");
	zone.answered = run_event(run, SLOT_REQUIRED, "answered");
	crew_run(run, roles, COUNT_OF(roles));
}
