/* fork: allocations fail in the middle of copying an address space that other threads write to. Half a copy has to go
 * without a trace, and what was made read-only for it has to work again.
 *
 * Oracles: the child of a fork that succeeds has all pages, whatever failed on the way; the parent loses nothing: see
 * claim.c and toucher.c. VMAs and mm_structs of half copies show in the slab counts of the guest's supervisor. */
#define _GNU_SOURCE
#include <errno.h>
#include <unistd.h>

#include "attempt.h"
#include "subtests.h"

#define STRIDE 12                       /* a fork allocates some hundred times */

static void look_as_child(struct run *run, void *arg)
{
	struct zone *zone = arg;

	if (run_sabotaged(run, "fork-loses"))
		area_advise(run, area_word(zone->base, 1, 0), 1, MADV_DONTNEED);
	if (run_sabotaged(run, "fork-dies"))
		_exit(1);
	if (zone_look(zone, zone->base, 0, PAGES) != SEEN_RW)
		run_fail(run, "the child has not all pages");
}

static bool fork_fails_at(struct zone *zone, unsigned int nth)
{
	bool hit;
	pid_t pid;

	zone_whole(zone);
	attempt_begin(zone, nth);
	pid = child_try(zone->run, look_as_child, zone);
	hit = attempt_end(zone, pid < 0, 0, PAGES, SEEN_RW, SEEN_RW);
	if (pid >= 0)
		child_wait(zone->run, pid);
	return hit;
}

static struct operation forks[] = {
	{ .name = "fork", .attempt = fork_fails_at },
};

static void inject(struct worker *worker)
{
	operations_sweep(worker, worker->arg, forks, COUNT_OF(forks), STRIDE);
}

void fork_fails(struct run *run)
{
	static struct zone zone;
	const struct role roles[] = {
		{ .name = "injector", .body = inject, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 1, 2), .arg = &zone.touched },
	};

	if (!inject_available(run) || !zone_init(&zone, run, true))
		return;
	zone_whole(&zone);
	operations_count(run, forks, COUNT_OF(forks));
	touched_count(run, &zone.touched, false);
	crew_run(run, roles, COUNT_OF(roles));
}
