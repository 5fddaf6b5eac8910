// SPDX-License-Identifier: GPL-2.0
/* foreign: another process looks on: through /proc/PID/mem and process_vm_readv(), which pin pages
 * of an address space that is not theirs; by stores of process_vm_writev(); by advice to it, and by
 * reading what it maps.
 *
 * Oracles: as those of the watchers, see shadow.c: what is settled is read as it is, and refused
 * where it is not mapped. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "program.h"
#include "subtests.h"
#include "words.h"

#define WORD sizeof(uint64_t)
#define OWNERS 2u
#define BLOCK 4096u

struct scene {
	struct choice choice;
	struct world world[OWNERS];
	struct shadow *shadows;
	pid_t target;
	struct watched peeked, copied;
};

static pid_t target;
static int memory_fd;

static enum access load_by_mem(const uint64_t *address, uint64_t *value)
{
	return pread(memory_fd, value, WORD, (off_t)(uintptr_t)address) == WORD ? ACCESS_OK :
										  ACCESS_SEGV;
}

static enum access load_by_copy(const uint64_t *address, uint64_t *value)
{
	struct iovec here = { value, WORD }, there = { (void *)address, WORD };

	return process_vm_readv(target, &here, 1, &there, 1, 0) == WORD ? ACCESS_OK : ACCESS_SEGV;
}

static enum access store_by_copy(uint64_t *address, uint64_t value)
{
	struct iovec here = { &value, WORD }, there = { address, WORD };

	return process_vm_writev(target, &here, 1, &there, 1, 0) == WORD ? ACCESS_OK : ACCESS_SEGV;
}

/* /proc/PID/mem could store where the mapping forbids it, which would be a copy that the owner
 * knows nothing of */
static const struct reach by_mem = { .load = load_by_mem,
				     .in_steps = true,
				     .refuses_alike = true,
				     .forces = true };
static const struct reach by_copy = {
	.load = load_by_copy,
	.store = store_by_copy,
	.in_steps = true,
	.refuses_alike = true,
};

static void read_all(const char *path)
{
	char block[BLOCK];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && read(fd, block, sizeof(block)) > 0)
		;
	if (fd >= 0)
		close(fd);
}

/* advice that changes nothing, and questions about all VMAs */
static void meddle(struct worker *worker)
{
	static const int advice[] = { MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED };
	static const char *const files[] = { "maps", "smaps_rollup", "smaps", "numa_maps" };
	struct scene *scene = worker->arg;
	int pidfd = syscall(SYS_pidfd_open, scene->target, 0);
	char path[48];

	while (worker_continue(worker)) {
		const struct shadow *shadow = &scene->shadows[rng_below(&worker->rng, OWNERS)];
		unsigned int at = rng_below(&worker->rng, CELLS),
			     count = 1 + rng_below(&worker->rng, CELLS - at);
		struct iovec cells = { shadow->base + at * shadow->cell_bytes,
				       count * shadow->cell_bytes };

		if (rng_one_in(&worker->rng, 4)) {
			snprintf(path, sizeof(path), "/proc/%d/%s", (int)scene->target,
				 files[rng_below(&worker->rng, 4)]);
			read_all(path);
		} else {
			/* what is a hole, or locked, is refused: whether it is may change at any
			 * time */
			syscall(SYS_process_madvise, pidfd, &cells, 1UL,
				advice[rng_below(&worker->rng, 3)], 0UL);
		}
		worker_did(worker);
	}
	close(pidfd);
}

static void look_on(struct run *run, void *arg)
{
	struct scene *scene = arg;
	const struct role roles[] = {
		{ .name = "peeker", .body = watch, .count = 1, .arg = &scene->peeked },
		{ .name = "copier",
		  .body = watch,
		  .count = scene->copied.reach ? 1 : 0,
		  .arg = &scene->copied },
		{ .name = "meddler", .body = meddle, .count = 1, .arg = scene },
	};

	crew_run(run, roles, COUNT_OF(roles));
}

static void own(struct worker *worker)
{
	struct scene *scene = worker->arg;

	programs_perform(worker, &scene->world[worker->id], &scene->choice);
}

static bool set_scene(struct run *run, struct scene *scene)
{
	char path[40];

	scene->target = target = getpid();
	scene->shadows = shadows_make(run, OWNERS);
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)target);
	memory_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (memory_fd < 0) {
		run_skip(run, "%s cannot be read: %s", path, error_words(errno));
		return false;
	}
	if (!scene->shadows || !choice_make(&scene->choice, run, ""))
		return false;
	for (unsigned int i = 0; i < OWNERS; i++) {
		struct setup setup = { .owner = 1 + i,
				       .cell_pages = 1,
				       .heap = i == 0,
				       .shadow = &scene->shadows[i] };

		if (!world_open(&scene->world[i], run, &setup))
			return false;
	}
	return true;
}

void foreign(struct run *run)
{
	static struct scene scene;
	const struct role roles[] = {
		{ .name = "owner", .body = own, .count = OWNERS, .arg = &scene },
	};
	uint64_t word = 1, copy = 0;
	pid_t others;

	if (!set_scene(run, &scene))
		return;
	scene.peeked = (struct watched){
		.shadows = scene.shadows,
		.count = OWNERS,
		.reach = &by_mem,
		.exact = run_event(run, SLOT_REQUIRED, "judged_exactly"),
		.changing = run_event(run, SLOT_EVENT, "judged_weakly"),
	};
	scene.copied = scene.peeked;
	scene.copied.reach = load_by_copy(&word, &copy) == ACCESS_OK ? &by_copy : NULL;
	others = child_start(run, look_on, &scene);
	crew_run(run, roles, COUNT_OF(roles));
	child_wait(run, others);
}
