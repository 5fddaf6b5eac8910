/* untouched: what one process maps and never touches, another one touches at the same addresses. A VMA that wanders from
 * the one to the other under a fault fits that fault's address, has the right kind of memory and no tag yet.
 *
 * Oracle: mincore(). A page that is resident although nobody of this process has touched it -> another process's fault
 * worked on this one's VMA (the mm not checked again, or not for being the own). */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "slots.h"
#include "subtests.h"

#define PROCESSES 2

struct setup {
	void *base[PROCESSES];          /* each touches its own, and keeps the other's untouched */
	int fd[PROCESSES];
	unsigned int process, touchers;
};

struct quiet {
	void *base;
	bool mapped[SLOTS];
};

static void expect_untouched(struct run *run, void *at, unsigned int slot)
{
	unsigned char resident[SLOT_PAGES] = { 0 };

	if (mincore(at, SLOT_PAGES * page_bytes(), resident) != 0)
		run_fail_errno(run, "mincore");
	for (unsigned int page = 0; page < SLOT_PAGES; page++)
		if (resident[page] & 1)
			run_fail(run, "page %u of slot %u is in memory, and nobody has touched it", page, slot);
}

static void keep(struct worker *worker)
{
	struct quiet *quiet = worker->arg;
	struct run *run = worker->run;

	slots_share_one_cpu(worker);
	while (worker_continue(worker)) {
		unsigned int slot = rng_below(&worker->rng, SLOTS);
		void *at = area_word(quiet->base, slot * SLOT_STRIDE, 0);

		if (quiet->mapped[slot]) {
			expect_untouched(run, at, slot);
			area_unmap(run, at, SLOT_PAGES);
		} else if (area_map(run, at, SLOT_PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED) {
			return;
		} else if (run_sabotaged(run, "reuse-touched")) {
			*(volatile uint64_t *)at;
		}
		quiet->mapped[slot] = !quiet->mapped[slot];
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}

static void live(struct run *run, void *arg)
{
	const struct setup *setup = arg;
	struct quiet quiet = { .base = setup->base[1 - setup->process] };
	struct slots slots;
	const struct role roles[] = {
		{ .name = "keeper", .body = keep, .count = 1, .arg = &quiet },
		{ .name = "mapper", .body = slots_map, .count = 1, .arg = &slots },
		{ .name = "toucher", .body = touch, .count = setup->touchers, .arg = &slots.touched },
	};
	struct run own = *run;

	own.seed += setup->process * UINT64_C(1000003);
	slots_init(&slots, setup->base[setup->process], setup->process + 1, setup->fd[setup->process]);
	touched_count(run, &slots.touched, true);
	crew_run(&own, roles, COUNT_OF(roles));
}

void untouched(struct run *run)
{
	unsigned int each = run->threads / PROCESSES;
	struct setup setup = { .touchers = each > 3 ? each - 2 : 1 };
	pid_t pids[PROCESSES];

	for (unsigned int i = 0; i < PROCESSES; i++) {
		setup.base[i] = slots_reserve(run);
		setup.fd[i] = area_tagged_file(run, i + 1, SLOTS_PAGES, 0);
		if (!setup.base[i] || setup.fd[i] < 0)
			return;
	}
	/* the counts are shared: made once, before there is anybody to race with */
	touched_count(run, &(struct touched){ 0 }, true);
	for (setup.process = 0; setup.process < PROCESSES; setup.process++)
		pids[setup.process] = child_start(run, live, &setup);
	for (unsigned int i = 0; i < PROCESSES; i++)
		child_wait(run, pids[i]);
}
