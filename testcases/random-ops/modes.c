// SPDX-License-Identifier: GPL-2.0
/* Who performs the programs, and who looks on.
 *
 * exact: one thread, whose programs are the same with the same seed. huge: cells of many pages,
 * which huge pages are made of. A fault that has one to clear takes a thousand times as long as
 * another: the window of who forgets to wait for it is as wide. threads: each range has one owner,
 * which performs programs on it, and all ranges are accessed by watchers; the owners' VMAs are
 * neighbours, merge and share locks. processes: the same in several processes, which fork and go on
 * at once. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "program.h"
#include "subtests.h"

#define OWNERS_MAX 16u
#define PROCESSES_MAX 3u
#define HUGE_CELL_BYTES \
	(1ul << 20) /* two make a huge page of 2 MiB, so VMAs end in the middle of some */

struct team {
	struct choice choice;
	struct world world[OWNERS_MAX];
	struct watched watched;
};

static void own(struct worker *worker)
{
	struct team *team = worker->arg;

	programs_perform(worker, &team->world[worker->id], &team->choice);
}

/* what a fault does that fills a page behind a zap, or a second one */
static void undo_store(struct worker *worker, const struct shadow *shadow, unsigned int at)
{
	if (run_sabotaged(worker->run, "store-undone"))
		madvise(shadow->base + at * shadow->cell_bytes, shadow->cell_bytes, MADV_DONTNEED);
}

static struct team *team_make(struct run *run, const char *usual)
{
	/* private: a forked child goes on with a copy. Not on the stack: it is too large. */
	struct team *team = mmap(NULL, sizeof(*team), PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (team == MAP_FAILED) {
		run_fail_errno(run, "memory");
		return NULL;
	}
	return choice_make(&team->choice, run, usual) ? team : NULL;
}

static void team_watch(struct run *run, struct team *team, struct shadow *shadows,
		       unsigned int count)
{
	team->watched = (struct watched){
		.shadows = shadows,
		.count = count,
		.reach = &reach_directly,
		.between = undo_store,
		.exact = run_event(run, SLOT_REQUIRED, "judged_exactly"),
		.changing = run_event(run, SLOT_EVENT, "judged_weakly"),
	};
}

void exact(struct run *run)
{
	struct team *team = team_make(run, "");
	const struct role roles[] = { { .name = "owner", .body = own, .count = 1, .arg = team } };
	struct setup setup = {
		.owner = 1, .cell_pages = 1, .heap = true, .alone = true, .waits = true
	};

	if (team && world_open(&team->world[0], run, &setup))
		crew_run(run, roles, COUNT_OF(roles));
}

static void perform_watched(struct run *run, unsigned int owners, unsigned int watchers,
			    unsigned int first_owner, struct setup setup, struct shadow *shadows)
{
	/* the kernel fills what is asked for page by page, where a fault takes a huge one */
	const char *usual = setup.huge_aligned ? "lock:4,populate:4,huge:60,collapse:20" : "";
	struct team *team = team_make(run, usual);
	const struct role roles[] = {
		{ .name = "owner", .body = own, .count = owners, .arg = team },
		{ .name = "watcher",
		  .body = watch,
		  .count = watchers,
		  .arg = team ? &team->watched : NULL },
	};

	if (!team || !shadows)
		return;
	for (unsigned int i = 0; i < owners; i++) {
		setup.owner = first_owner + i;
		setup.heap = i == 0;
		setup.shadow = &shadows[i];
		if (!world_open(&team->world[i], run, &setup))
			return;
	}
	team_watch(run, team, shadows, owners);
	crew_run(run, roles, COUNT_OF(roles));
}

void huge(struct run *run)
{
	unsigned int pages = HUGE_CELL_BYTES / page_bytes();
	struct setup setup = { .cell_pages = pages < 2 ? 2 : pages, .huge_aligned = true };

	perform_watched(run, 1, run_threads_left(run, 1, 1), 1, setup, shadows_make(run, 1));
}

static unsigned int owners_of(const struct run *run)
{
	unsigned int owners = run->threads / 2;

	return owners < 2 ? 2 : owners > OWNERS_MAX ? OWNERS_MAX : owners;
}

void threads(struct run *run)
{
	unsigned int owners = owners_of(run);

	perform_watched(run, owners, run_threads_left(run, owners, 2), 1,
			(struct setup){ .cell_pages = 1 }, shadows_make(run, owners));
}

struct process {
	unsigned int number, watchers;
	struct shadow *shadows;
};

static void live(struct run *run, void *arg)
{
	const struct process *process = arg;

	perform_watched(run, 1, process->watchers, 1 + process->number,
			(struct setup){ .cell_pages = 1 }, &process->shadows[process->number]);
}

void processes(struct run *run)
{
	unsigned int count = run->threads >= 6 ? PROCESSES_MAX : 2;
	struct process process = { .watchers = run_threads_left(run, count, count) / count,
				   .shadows = shadows_make(run, count) };
	pid_t pids[PROCESSES_MAX];

	if (!process.shadows)
		return;
	/* the counts are shared: made once, before there is anybody to race with */
	run_event(run, SLOT_REQUIRED, "judged_exactly");
	run_event(run, SLOT_EVENT, "judged_weakly");
	for (process.number = 0; process.number < count; process.number++)
		pids[process.number] = child_start(run, live, &process);
	for (unsigned int i = 0; i < count; i++)
		child_wait(run, pids[i]);
}
