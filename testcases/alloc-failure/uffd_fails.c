/* uffd: userfaultfd splits and merges VMAs to register them, and locks them to fill their pages; with allocations failing.
 *
 * Oracles: a page whose copy failed is still missing: the next copy succeeds and is not told EEXIST. Data of registered
 * pages stays (attempt.c, claim.c). A VMA that a failed copy has left locked hangs whoever splits it next. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attempt.h"
#include "subtests.h"
#include "words.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

static int uffd = -1;
static void *missing, *source;          /* PAGES pages of which the fd fills one; a page to copy */

static bool open_uffd(struct run *run)
{
	struct uffdio_api api = { .api = UFFD_API };

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) != 0)
		run_skip(run, "userfaultfd is not available: %s", error_words(errno));
	return uffd >= 0;
}

static bool is_registered(void *at, unsigned int pages)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)at, pages * page_bytes() }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return ioctl(uffd, UFFDIO_REGISTER, &reg) == 0;
}

static bool is_unregistered(void *at, unsigned int pages)
{
	struct uffdio_range range = { (uintptr_t)at, pages * page_bytes() };

	return ioctl(uffd, UFFDIO_UNREGISTER, &range) == 0;
}

static bool is_copied(unsigned int page)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)area_word(missing, page, 0), .src = (uintptr_t)source, .len = page_bytes(),
	};

	return ioctl(uffd, UFFDIO_COPY, &copy) == 0;
}

static bool register_fails(struct zone *zone, unsigned int nth)
{
	bool failed;

	zone_whole(zone);
	attempt_begin(zone, nth);
	failed = !is_registered(area_word(zone->base, zone->first, 0), zone->count);
	return attempt_end(zone, failed, zone->first, zone->count, SEEN_RW, SEEN_RW);
}

/* a part of what is registered: the kernel does without a merge, but has to split */
static bool unregister_fails(struct zone *zone, unsigned int nth)
{
	bool failed;

	zone_whole(zone);
	if (!is_registered(zone->base, PAGES))
		run_fail_errno(zone->run, "UFFDIO_REGISTER");
	attempt_begin(zone, nth);
	failed = !is_unregistered(area_word(zone->base, zone->first, 0), zone->count);
	return attempt_end(zone, failed, zone->first, zone->count, SEEN_RW, SEEN_RW);
}

static bool copy_fails(struct zone *zone, unsigned int nth)
{
	uint64_t *word = area_word(missing, zone->first, WORD_TAG);
	struct run *run = zone->run;
	bool failed, hit;

	/* a new VMA each time: it has neither page tables nor an anon_vma */
	area_map(run, missing, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0);
	if (!is_registered(missing, PAGES))
		run_fail_errno(run, "UFFDIO_REGISTER");
	*(uint64_t *)source = tag_make(0, zone->first, nth);
	attempt_begin(zone, nth);
	failed = !is_copied(zone->first);
	hit = attempt_end_unseen(zone, failed);
	if (failed && run_sabotaged(run, "failed-copy-fills"))
		is_copied(zone->first);
	if (failed && run_sabotaged(run, "failed-copy-unmaps"))
		area_unmap(run, missing, PAGES);
	if (failed && !is_copied(zone->first))
		run_fail_errno(run, "UFFDIO_COPY again after a failure");
	else if (*(volatile uint64_t *)word != tag_make(0, zone->first, nth))
		run_fail(run, "copied page %u has %#llx", zone->first, (unsigned long long)*word);
	/* takes the write lock, which waits for whoever has the VMA locked */
	area_advise(run, area_word(missing, zone->first, 0), 1, MADV_DONTDUMP);
	return hit;
}

static struct operation ioctls[] = {
	{ .name = "register", .attempt = register_fails, .takes_more = true },
	{ .name = "unregister", .attempt = unregister_fails, .takes_more = true },
	{ .name = "copy", .attempt = copy_fails },
};

static void inject(struct worker *worker)
{
	operations_sweep(worker, worker->arg, ioctls, COUNT_OF(ioctls), 1);
}

void uffd_fails(struct run *run)
{
	static struct zone zone;
	const struct role roles[] = {
		{ .name = "injector", .body = inject, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 1, 2), .arg = &zone.touched },
	};

	if (!inject_available(run) || !zone_init(&zone, run, true) || !open_uffd(run))
		return;
	missing = area_reserve(run, PAGES);
	source = area_reserve(run, 1);
	if (!missing || !source || area_map(run, source, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	zone_whole(&zone);
	operations_count(run, ioctls, COUNT_OF(ioctls));
	touched_count(run, &zone.touched, false);
	crew_run(run, roles, COUNT_OF(roles));
}
