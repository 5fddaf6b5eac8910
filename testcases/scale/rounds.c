#define _GNU_SOURCE
#include "rounds.h"

#include <unistd.h>

char *rounds_map(struct worker *worker, struct rounds *rounds, int flags)
{
	off_t offset = rounds->fd < 0 ? 0 : (off_t)worker->id * ROUND_PAGES * page_bytes();
	char *at = mmap(NULL, ROUND_PAGES * page_bytes(), PROT_READ | PROT_WRITE,
			flags | (rounds->fd < 0 ? MAP_ANONYMOUS : 0), rounds->fd, offset);

	if (at != MAP_FAILED)
		return at;
	run_fail_errno(worker->run, "mmap");
	return NULL;
}

static void repeat(struct worker *worker)
{
	struct rounds *rounds = worker->arg;

	while (worker_continue(worker)) {
		rounds->round(worker, rounds);
		rounds->done[worker->id]++;
	}
}

static bool prepare(struct run *run, struct rounds *rounds, bool file)
{
	rounds->fd = -1;
	if (!file)
		return true;
	rounds->fd = memfd_create("testcase", MFD_CLOEXEC);
	if (rounds->fd < 0 || ftruncate(rounds->fd, (off_t)rounds->workers * ROUND_PAGES * page_bytes()) != 0) {
		run_fail_errno(run, "memory file");
		return false;
	}
	for (unsigned int id = 0; id < rounds->workers; id++)
		for (unsigned int page = 0; page < ROUND_PAGES; page++)
			area_file_tag(run, rounds->fd, id * ROUND_PAGES + page, tag_make(id, page, 0));
	return true;
}

void rounds_by_threads(struct run *run, void (*round)(struct worker *worker, struct rounds *rounds), bool file)
{
	struct rounds rounds = { .round = round, .workers = run->threads };
	const struct role role = { .name = "worker", .body = repeat, .count = run->threads, .arg = &rounds };

	if (prepare(run, &rounds, file))
		crew_run(run, &role, 1);
}

struct life {
	struct rounds *rounds;
	unsigned int id;
};

/* a crew of one, whose worker has the process's number */
static void repeat_as_process(struct worker *worker)
{
	const struct life *life = worker->arg;

	worker->id = life->id;
	worker->arg = life->rounds;
	repeat(worker);
}

static void live(struct run *run, void *arg)
{
	const struct role role = { .name = "worker", .body = repeat_as_process, .count = 1, .arg = arg, .on_main = true };

	crew_run(run, &role, 1);
}

void rounds_by_processes(struct run *run, void (*round)(struct worker *worker, struct rounds *rounds), bool file)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct rounds rounds = { .round = round };
	pid_t pids[THREADS_MAX];

	rounds.workers = cpus < 2 ? 2 : cpus > THREADS_MAX ? THREADS_MAX : cpus;
	if (!prepare(run, &rounds, file))
		return;
	for (unsigned int id = 0; id < rounds.workers; id++)
		pids[id] = child_start(run, live, &(struct life){ &rounds, id });
	for (unsigned int id = 0; id < rounds.workers; id++)
		child_wait(run, pids[id]);
}
