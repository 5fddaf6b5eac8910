// SPDX-License-Identifier: GPL-2.0-only
/* leave: the threads of a child process write to a memory file, whose mappings come and go meanwhile; then it exits, execs, or
 * is killed, in the middle of that.
 *
 * Oracle: a thread says how far it is before each store and after it, in memory of the parent's. So the file has what was
 * said to be done, and nothing that was not even begun: a store went to a page that was not the file's any more, or a
 * thread went on after its process had ended. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "subtests.h"

#define PAGES 8
#define WRITERS 4

enum way { EXIT, EXEC, KILLED, WAYS };

struct progress_of {
	_Atomic uint64_t begun, done;
};

struct zone {
	struct run *run;
	int file;
	void *alias, *base;             /* the parent's and the child's mapping */
	struct progress_of (*said)[WRITERS];    /* of each page, in shared memory */
	struct slot *way[WAYS];
};

struct child {
	struct zone *zone;
	enum way way;
	struct rng rng;
};

struct writer {
	struct zone *zone;
	unsigned int id;
};

static void *write_on(void *arg)
{
	struct writer *writer = arg;
	struct zone *zone = writer->zone;
	struct rng rng = rng_make(zone->run->seed, writer->id);

	for (;;) {
		unsigned int page = rng_below(&rng, PAGES);
		struct progress_of *said = &zone->said[page][writer->id];
		volatile uint64_t *word = area_word(zone->base, page, WORD_OF_THREAD(writer->id));
		uint64_t next = atomic_load(&said->done) + 1;

		atomic_store(&said->begun, next);
		*word = run_sabotaged(zone->run, "shared-early") ? next + 1 : next;
		if (run_sabotaged(zone->run, "shared-lost") && next % 2)
			*word = 0;
		atomic_store(&said->done, next);
	}
	return NULL;
}

static void *remap_on(void *arg)
{
	struct zone *zone = arg;
	struct rng rng = rng_make(zone->run->seed, 99);

	for (;;) {
		unsigned int page = rng_below(&rng, PAGES);
		void *at = area_word(zone->base, page, 0);

		/* in one step: an access is never refused */
		switch (rng_below(&rng, 3)) {
		case 0:
			area_map(zone->run, at, 1, PROT_READ | PROT_WRITE, MAP_SHARED, zone->file, page);
			break;
		case 1:
			area_advise(zone->run, at, 1, MADV_DONTNEED);
			break;
		default:
			area_advise(zone->run, at, 1, rng_one_in(&rng, 2) ? MADV_DONTDUMP : MADV_DODUMP);
		}
		rng_dither(&rng);
	}
	return NULL;
}

/* the process that ends; it was forked by a process with one thread */
static void live(struct run *run, void *arg)
{
	static char *const argv[] = { (char *)"exit-faults", (char *)"--list", NULL }, *const envp[] = { NULL };
	static struct writer writers[WRITERS];
	struct child *child = arg;

	for (unsigned int id = 0; id < WRITERS; id++) {
		writers[id] = (struct writer){ child->zone, id };
		child_thread(run, write_on, &writers[id]);
	}
	child_thread(run, remap_on, child->zone);
	usleep(500 + rng_below(&child->rng, 20000));
	if (child->way == EXEC) {
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		execve("/proc/self/exe", argv, envp);
		run_fail_errno(run, "execve");
	} else if (child->way == KILLED) {
		kill(getpid(), SIGKILL);
		pause();
	}
	_exit(0);
}

static void check(struct zone *zone, enum way way)
{
	for (unsigned int page = 0; page < PAGES; page++) {
		for (unsigned int id = 0; id < WRITERS; id++) {
			struct progress_of *said = &zone->said[page][id];
			uint64_t value = *(volatile uint64_t *)area_word(zone->alias, page, WORD_OF_THREAD(id));

			if (value < atomic_load(&said->done) || value > atomic_load(&said->begun))
				run_fail(zone->run, "after %s page %u has %llu of writer %u, who did %llu and began %llu",
					 way == EXIT ? "exit" : way == EXEC ? "exec" : "a kill", page, (unsigned long long)value, id,
					 (unsigned long long)atomic_load(&said->done),
					 (unsigned long long)atomic_load(&said->begun));
			atomic_store(&said->done, value);
		}
	}
}

/* by itself in its process, so that its children can have threads */
static void leave_on(struct worker *worker)
{
	struct zone *zone = worker->arg;

	for (unsigned int round = 0; worker_continue(worker); round++) {
		/* each once, then as it comes */
		enum way way = round < WAYS ? round : rng_below(&worker->rng, WAYS);
		struct child child = { zone, way, rng_make(worker->run->seed, rng_next(&worker->rng)) };
		pid_t pid = child_start(worker->run, live, &child);

		if (way == KILLED)
			child_wait_killed(worker->run, pid);
		else
			child_wait(worker->run, pid);
		check(zone, way);
		slot_hit(zone->way[way]);
		worker_did(worker);
	}
}

void leave(struct run *run)
{
	static const char *const names[] = { "exits", "execs", "kills" };
	static struct zone zone;
	const struct role roles[] = {
		{ .name = "leaver", .body = leave_on, .count = 1, .arg = &zone, .on_main = true },
	};

	zone = (struct zone){
		.run = run, .file = area_tagged_file(run, 0, PAGES, 1), .alias = area_reserve(run, PAGES),
		.base = area_reserve(run, PAGES),
		.said = mmap(NULL, PAGES * sizeof(*zone.said), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
	};
	if (zone.file < 0 || !zone.alias || !zone.base || zone.said == MAP_FAILED ||
	    area_map(run, zone.alias, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, zone.file, 0) == MAP_FAILED ||
	    area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, zone.file, 0) == MAP_FAILED)
		return;
	for (unsigned int way = 0; way < WAYS; way++)
		zone.way[way] = run_event(run, SLOT_REQUIRED, names[way]);
	crew_run(run, roles, COUNT_OF(roles));
}
