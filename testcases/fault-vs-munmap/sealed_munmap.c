/* sealed-munmap: munmap() over a range whose later VMA is sealed must fail and leave everything as it was. On the way
 * the kernel has split, write-locked and detached the VMAs in front of the sealed one: the failure path has to attach
 * them again. It is the one deterministic way into that path.
 *
 * Oracles: SIGSEGV or a wrong page in front of or behind the seal -> the failed munmap took something away or
 * attached it wrongly. A reader that never comes back (hang) -> a VMA is in the tree but can never be locked. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "subtests.h"

#ifndef SYS_mseal
#define SYS_mseal 462                   /* the same on all architectures since Linux 6.10 */
#endif

#define SIDE 8                          /* pages in front of the sealed page, and behind it */
#define PAGES (2 * SIDE + 1)

struct zone {
	struct claim claim;             /* never changes: all sides are always mapped */
	void *base;
	int fd;
	struct slot *munmap_refused, *mmap_refused;
};

static unsigned int any_side_page(struct worker *worker)
{
	unsigned int page = rng_below(&worker->rng, 2 * SIDE);

	return page < SIDE ? page : page + 1;
}

/* Oracle: the call fails with EPERM, nothing else: success would mean that the seal was not looked at after the VMAs
 * in front had been dealt with. */
static void expect_refusal(struct run *run, const char *call, bool failed, struct slot *refused)
{
	if (!failed)
		run_fail(run, "%s over a sealed page succeeded", call);
	else if (errno != EPERM)
		run_fail_errno(run, call);
	else
		slot_hit(refused);
}

static void try_unmap(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	while (worker_continue(worker)) {
		unsigned int first = rng_below(&worker->rng, SIDE + 1);
		unsigned int last = SIDE + rng_below(&worker->rng, SIDE + 1);
		void *at = area_word(zone->base, first, 0);
		size_t bytes = (last - first + 1) * page_bytes();

		if (rng_one_in(&worker->rng, 4))
			expect_refusal(run, "mmap(MAP_FIXED)",
				       mmap(at, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED,
				       zone->mmap_refused);
		else
			expect_refusal(run, "munmap", munmap(at, bytes) != 0, zone->munmap_refused);
		/* a failed munmap leaves its splits behind: make one VMA again, so that there is something to split */
		if (rng_one_in(&worker->rng, 3))
			area_map(run, zone->base, SIDE, PROT_READ, MAP_SHARED, zone->fd, 0);
		if (run_sabotaged(run, "seal-unmaps"))
			area_unmap(run, zone->base, 1);
		if (run_sabotaged(run, "seal-wrong-data"))
			area_file_tag(run, zone->fd, 1, tag_make(0, 2, 1));
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}

/* without fresh faults the readers would only use their TLB */
static void drop(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		unsigned int first = rng_one_in(&worker->rng, 3) ? SIDE + 1 : 0;

		area_advise(worker->run, area_word(zone->base, first, 0), SIDE, MADV_DONTNEED);
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}

static void read_sides(struct worker *worker)
{
	struct zone *zone = worker->arg;
	uint64_t value;

	while (worker_continue(worker)) {
		unsigned int page = any_side_page(worker);
		struct expected want = { .page = page, .always_mapped = true };

		claim_checked_load(worker->run, &zone->claim, area_word(zone->base, page, WORD_TAG), want, &value);
		worker_did(worker);
	}
}

void sealed_munmap(struct run *run)
{
	struct zone zone = { .base = area_reserve(run, PAGES) };
	const struct role roles[] = {
		{ .name = "unmapper", .body = try_unmap, .count = 1, .arg = &zone },
		{ .name = "dropper", .body = drop, .count = 1, .arg = &zone },
		{ .name = "reader", .body = read_sides, .count = run_threads_left(run, 2, 2), .arg = &zone },
	};

	zone.fd = area_tagged_file(run, 0, PAGES, 1);
	if (!zone.base || zone.fd < 0)
		return;
	if (area_map(run, zone.base, PAGES, PROT_READ, MAP_SHARED, zone.fd, 0) == MAP_FAILED)
		return;
	/* the seal cannot be taken off: the page stays until the process of this subtest exits */
	if (syscall(SYS_mseal, area_word(zone.base, SIDE, 0), page_bytes(), 0) != 0) {
		if (errno == ENOSYS || errno == EPERM)
			run_skip(run, "mseal() is not available");
		else
			run_fail_errno(run, "mseal");
		return;
	}
	claim_publish(&zone.claim, 1, CLAIM_RO);
	zone.munmap_refused = run_event(run, SLOT_REQUIRED, "munmap_refused");
	zone.mmap_refused = run_event(run, SLOT_EVENT, "mmap_refused");
	crew_run(run, roles, COUNT_OF(roles));
}
