// SPDX-License-Identifier: GPL-2.0-only
/* mlocked: a range is thrown away, and then what is there of it is locked in memory, while threads fault it in page by page:
 * mlock2() walks over the pages that it finds and marks them, and a fault marks those that it adds.
 *
 * Oracle: a page that is there while its VMA is locked has the mark -> a fault took an unlocked VMA for one page and mlock()
 * had been past it already, since it did not wait for that fault. Unmarked pages can be reclaimed, which is nothing that one sees. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "subtests.h"

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

#define PAGES 96
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_FRAME ((UINT64_C(1) << 55) - 1)
#define KPAGE_ZERO (UINT64_C(1) << 24)
#define KPAGE_MLOCKED (UINT64_C(1) << 33)

struct zone {
	void *base;
	int pagemap, kpageflags;
	struct slot *marked;
};

/* the flags of the page frame that is mapped there; false: none is, or the frame's number is not told */
static bool flags_of(struct run *run, const struct zone *zone, unsigned int page, uint64_t *flags)
{
	off_t entry_at = (uintptr_t)area_word(zone->base, page, 0) / page_bytes() * sizeof(uint64_t);
	uint64_t entry;

	if (pread(zone->pagemap, &entry, sizeof(entry), entry_at) != sizeof(entry)) {
		run_fail_errno(run, "reading /proc/self/pagemap");
		return false;
	}
	return entry & PAGEMAP_PRESENT && entry & PAGEMAP_FRAME &&
	       pread(zone->kpageflags, flags, sizeof(*flags), (entry & PAGEMAP_FRAME) * sizeof(*flags)) == sizeof(*flags);
}

static void expect_marked(struct worker *worker)
{
	struct zone *zone = worker->arg;

	for (unsigned int page = 0; page < PAGES; page++) {
		uint64_t flags;

		if (!flags_of(worker->run, zone, page, &flags) || flags & KPAGE_ZERO)
			continue;
		if (flags & KPAGE_MLOCKED)
			slot_hit(zone->marked);
		else
			run_fail(worker->run, "page %u of a locked range is not marked as locked: flags %#llx", page,
				 (unsigned long long)flags);
	}
}

static void lock(struct worker *worker)
{
	struct zone *zone = worker->arg;
	size_t bytes = PAGES * page_bytes();
	bool skip = run_sabotaged(worker->run, "mlocked-not");

	worker_share_cpu();
	while (worker_continue(worker)) {
		area_advise(worker->run, zone->base, PAGES, MADV_DONTNEED);
		rng_dither(&worker->rng);
		if (!skip && mlock2(zone->base, bytes, MLOCK_ONFAULT) != 0)
			run_fail_errno(worker->run, "mlock2");
		expect_marked(worker);
		if (run_sabotaged(worker->run, "mlocked-refused"))
			area_protect(worker->run, zone->base, 1, PROT_READ);
		if (munlock(zone->base, bytes) != 0)
			run_fail_errno(worker->run, "munlock");
		worker_did(worker);
	}
}

static void fault_in(struct worker *worker)
{
	struct zone *zone = worker->arg;

	worker_leave_cpu();
	for (uint64_t serial = 1; worker_continue(worker); serial++) {
		uint64_t *word = area_word(zone->base, rng_below(&worker->rng, PAGES), WORD_OF_THREAD(worker->id));

		if (fault_store(word, serial) != ACCESS_OK)
			run_fail(worker->run, "a store to %p is refused", (void *)word);
		worker_did(worker);
	}
}

void mlocked(struct run *run)
{
	struct zone zone = {
		.base = area_reserve(run, PAGES), .pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC),
		.kpageflags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC),
	};
	const struct role roles[] = {
		{ .name = "locker", .body = lock, .count = 1, .arg = &zone },
		{ .name = "faulter", .body = fault_in, .count = run_threads_left(run, 1, 2), .arg = &zone },
	};
	uint64_t flags;

	if (!zone.base || area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	/* a huge page, of which a part is mapped, has no mark */
	madvise(zone.base, PAGES * page_bytes(), MADV_NOHUGEPAGE);
	area_tag(zone.base, 1, 0, 1);
	if (zone.pagemap < 0 || zone.kpageflags < 0 || !flags_of(run, &zone, 0, &flags)) {
		run_skip(run, "the flags of pages are not to be had (/proc/kpageflags, CAP_SYS_ADMIN)");
		return;
	}
	if (mlock2(zone.base, PAGES * page_bytes(), MLOCK_ONFAULT) != 0) {
		run_skip(run, "memory cannot be locked");
		return;
	}
	munlock(zone.base, PAGES * page_bytes());
	zone.marked = run_event(run, SLOT_REQUIRED, "marked");
	crew_run(run, roles, COUNT_OF(roles));
}
