/* failed-mmap: mmap(MAP_FIXED) over mapped memory that fails after the kernel has taken the old VMAs out of the tree.
 *
 * Beyond the limit of address space (RLIMIT_AS): the old VMAs have to be put back as they were, while threads fault on
 * them. Of a socket, which refuses to be mapped at the very end: the old pages are gone by then, and the kernel leaves a
 * hole; the file is mapped there again.
 *
 * Oracles: SIGSEGV or a wrong page although settled -> a VMA was not put back, or with wrong limits. A reader that never
 * comes back (hang) -> it is in the tree again, but can never be locked. A call that succeeds. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "subtests.h"

#define PAGES 16
#define HOLE 8                          /* pages behind, free, by which the limit is exceeded */

struct zone {
	struct claim claim[PAGES];
	void *base;
	int file, socket;
	struct touched touched;
	struct slot *over_limit, *refused_by_socket;
};

static void limit_to_present_size(struct run *run)
{
	unsigned long pages = 0;
	FILE *statm = fopen("/proc/self/statm", "re");
	struct rlimit limit;

	if (!statm || fscanf(statm, "%lu", &pages) != 1)
		run_fail_errno(run, "/proc/self/statm");
	if (statm)
		fclose(statm);
	getrlimit(RLIMIT_AS, &limit);
	limit.rlim_cur = pages * page_bytes();
	if (pages && setrlimit(RLIMIT_AS, &limit) != 0)
		run_fail_errno(run, "setrlimit");
}

static void map_file(struct run *run, struct zone *zone, unsigned int first, unsigned int count)
{
	area_map(run, area_word(zone->base, first, 0), count, PROT_READ, MAP_SHARED, zone->file, first);
}

/* everything stays, always: the claims are not even touched */
static void exceed_limit(struct run *run, struct zone *zone, unsigned int first)
{
	size_t bytes = (PAGES - first + HOLE) * page_bytes();
	void *got = mmap(area_word(zone->base, first, 0), bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (got != MAP_FAILED)
		run_fail(run, "mmap(MAP_FIXED) beyond RLIMIT_AS succeeded");
	else if (errno != ENOMEM)
		run_fail_errno(run, "mmap(MAP_FIXED) beyond RLIMIT_AS");
	else
		slot_hit(zone->over_limit);
}

static void map_socket(struct run *run, struct zone *zone, unsigned int first, unsigned int count)
{
	claims_update(&zone->claim[first], count, CLAIM_ANY);
	if (mmap(area_word(zone->base, first, 0), count * page_bytes(), PROT_READ, MAP_SHARED | MAP_FIXED, zone->socket, 0) !=
	    MAP_FAILED)
		run_fail(run, "mmap() of a socket succeeded");
	else
		slot_hit(zone->refused_by_socket);
	map_file(run, zone, first, count);
	claims_update(&zone->claim[first], count, CLAIM_RO);
}

static void fail_to_map(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	limit_to_present_size(run);
	while (worker_continue(worker)) {
		unsigned int first = rng_below(&worker->rng, PAGES);

		if (rng_one_in(&worker->rng, 3))
			map_socket(run, zone, first, 1 + rng_below(&worker->rng, PAGES - first));
		else
			exceed_limit(run, zone, first);
		/* one VMA again, so that there is something to split */
		if (rng_one_in(&worker->rng, 3))
			map_file(run, zone, 0, PAGES);
		if (run_sabotaged(run, "failed-mmap-unmaps"))
			area_unmap(run, zone->base, 1);
		if (run_sabotaged(run, "failed-mmap-shifts"))
			area_file_tag(run, zone->file, 1, tag_make(0, 2, 1));
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}

/* A hole has nothing to zap: that is no failure here. */
static void drop(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		if (madvise(zone->base, PAGES * page_bytes(), MADV_DONTNEED) != 0 && errno != ENOMEM)
			run_fail_errno(worker->run, "madvise");
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}

void failed_mmap(struct run *run)
{
	struct zone zone = { .base = area_reserve(run, PAGES + HOLE) };
	const struct role roles[] = {
		{ .name = "mapper", .body = fail_to_map, .count = 1, .arg = &zone },
		{ .name = "dropper", .body = drop, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 2, 2), .arg = &zone.touched },
	};

	zone.file = area_tagged_file(run, 0, PAGES, 1);
	zone.socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!zone.base || zone.file < 0)
		return;
	if (zone.socket < 0) {
		run_skip(run, "no sockets");
		return;
	}
	map_file(run, &zone, 0, PAGES);
	/* nothing else is mapped there later: no thread starts, and nobody allocates, once the crew is at work */
	area_unmap(run, area_word(zone.base, PAGES, 0), HOLE);
	claims_publish(zone.claim, PAGES, 1, CLAIM_RO);
	zone.touched = (struct touched){ .base = zone.base, .pages = PAGES, .claims = zone.claim };
	zone.over_limit = run_event(run, SLOT_REQUIRED, "over_limit");
	zone.refused_by_socket = run_event(run, SLOT_REQUIRED, "refused_by_socket");
	touched_count(run, &zone.touched, true);
	crew_run(run, roles, COUNT_OF(roles));
}
