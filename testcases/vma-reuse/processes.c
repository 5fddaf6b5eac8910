/* same-mm: threads of one process take VMAs over from each other. cross-process: so do processes, at the very same
 * addresses, each with memory files of its own. Oracles: see slots.c. */
#include "slots.h"
#include "subtests.h"

#define PROCESSES_MAX 3

struct setup {
	void *base;
	unsigned int process, processes, mappers, touchers;
	int fd[PROCESSES_MAX];
};

static void live(struct run *run, void *arg)
{
	const struct setup *setup = arg;
	unsigned int other = (setup->process + 1) % setup->processes;
	struct slots slots;
	const struct role roles[] = {
		{ .name = "mapper", .body = slots_map, .count = setup->mappers, .arg = &slots },
		{ .name = "toucher", .body = touch, .count = setup->touchers, .arg = &slots.touched },
	};
	/* processes must not all make the same choices at the same time */
	struct run own = *run;

	own.seed += setup->process * UINT64_C(1000003);
	slots_init(&slots, setup->base, setup->process + 1, setup->fd[setup->process]);
	if (run_sabotaged(run, "reuse-foreign-page"))
		slots.mapped_fd = setup->fd[other];
	slots.mappers = setup->mappers;
	touched_count(run, &slots.touched, true);
	crew_run(&own, roles, COUNT_OF(roles));
}

static bool prepare(struct run *run, struct setup *setup)
{
	setup->base = slots_reserve(run);
	for (unsigned int i = 0; i < setup->processes; i++) {
		setup->fd[i] = area_tagged_file(run, i + 1, SLOTS_PAGES, 0);
		if (setup->fd[i] < 0)
			return false;
	}
	return setup->base != NULL;
}

void same_mm(struct run *run)
{
	unsigned int mappers = run->threads >= 4 ? 2 : 1;
	struct setup setup = { .processes = 1, .mappers = mappers, .touchers = run_threads_left(run, mappers, 2) };

	if (prepare(run, &setup))
		live(run, &setup);
}

void cross_process(struct run *run)
{
	unsigned int processes = run->threads >= 6 ? PROCESSES_MAX : 2;
	unsigned int each = run->threads / processes;
	struct setup setup = { .processes = processes, .mappers = 1, .touchers = each > 2 ? each - 1 : 1 };
	pid_t pids[PROCESSES_MAX];

	if (!prepare(run, &setup))
		return;
	/* the counts are shared: made once, before there is anybody to race with */
	touched_count(run, &(struct touched){ 0 }, true);
	for (setup.process = 0; setup.process < processes; setup.process++)
		pids[setup.process] = child_start(run, live, &setup);
	for (unsigned int i = 0; i < processes; i++)
		child_wait(run, pids[i]);
}
