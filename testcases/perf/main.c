/* What an operation costs. Each subtest warms up, and then does a fixed number of operations between two marks: 2k and
 * 2k+1 for the k-th, from 0. Nothing is timed here, and nothing is random: what differs between two kernels is the
 * kernels' doing. As in will-it-scale: page_fault1 and 3, mmap1, fork and exec, by one thread, by threads of one address
 * space, and by processes. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "marks.h"
#include "options.h"

#define PAGES 64
#define PAGE 4096ul
#define NOTHING "--nothing"             /* what a child that was executed does */

struct metric {
	const char *name;
	bool (*round)(void);            /* false: it could not be done */
	unsigned int operations;        /* of a round */
	unsigned int rounds;
	enum { ALONE, THREADS, PROCESSES } by;
};

static bool touch(int flags, int fd)
{
	char *at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (at == MAP_FAILED)
		return false;
	for (unsigned int page = 0; page < PAGES; page++)
		((volatile char *)at)[page * PAGE] = 1;
	return munmap(at, PAGES * PAGE) == 0;
}

static int file = -1;

static bool fault_anon(void) { return touch(MAP_PRIVATE | MAP_ANONYMOUS, -1); }
static bool fault_file(void) { return touch(MAP_SHARED, file); }

static bool map_unmap(void)
{
	void *at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at != MAP_FAILED && munmap(at, PAGES * PAGE) == 0;
}

static bool ended_well(pid_t child)
{
	int status = 1;

	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static bool fork_exit(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	return ended_well(child);
}

static bool execute(void)
{
	pid_t child = vfork();

	if (child == 0) {
		execl("/proc/self/exe", "perf", NOTHING, NULL);
		_exit(127);
	}
	return ended_well(child);
}

struct work {
	const struct metric *metric;
	unsigned int rounds;
	bool failed;
};

static void *rounds_of(void *arg)
{
	struct work *work = arg;

	for (unsigned int round = 0; round < work->rounds && !work->failed; round++)
		work->failed = !work->metric->round();
	return NULL;
}

static bool by_threads(const struct metric *metric, unsigned int workers, unsigned int rounds)
{
	pthread_t threads[workers];
	struct work work[workers];
	unsigned int started = 0;
	bool done = true;

	for (; started < workers; started++) {
		work[started] = (struct work){ metric, rounds, false };
		if (pthread_create(&threads[started], NULL, rounds_of, &work[started]))
			break;
	}
	for (unsigned int at = 0; at < started; at++) {
		pthread_join(threads[at], NULL);
		done = done && !work[at].failed;
	}
	return done && started == workers;
}

static bool by_processes(const struct metric *metric, unsigned int workers, unsigned int rounds)
{
	pid_t children[workers];
	bool done = true;

	for (unsigned int at = 0; at < workers; at++) {
		children[at] = fork();
		if (children[at] == 0) {
			struct work work = { metric, rounds, false };

			rounds_of(&work);
			_exit(work.failed);
		}
	}
	for (unsigned int at = 0; at < workers; at++)
		done = ended_well(children[at]) && done;
	return done;
}

static bool go(const struct metric *metric, unsigned int workers, unsigned int rounds)
{
	struct work work = { metric, rounds, false };

	if (metric->by == THREADS)
		return by_threads(metric, workers, rounds);
	if (metric->by == PROCESSES)
		return by_processes(metric, workers, rounds);
	rounds_of(&work);
	return !work.failed;
}

static const struct metric metrics[] = {
	{ "fault-anon", fault_anon, PAGES, 400, ALONE },
	{ "fault-file", fault_file, PAGES, 400, ALONE },
	{ "mmap-munmap", map_unmap, 1, 8000, ALONE },
	{ "fork-exit", fork_exit, 1, 300, ALONE },
	{ "exec", execute, 1, 150, ALONE },
	{ "fault-anon-threads", fault_anon, PAGES, 150, THREADS },
	{ "fault-anon-processes", fault_anon, PAGES, 150, PROCESSES },
	{ "mmap-munmap-threads", map_unmap, 1, 3000, THREADS },
	{ "mmap-munmap-processes", map_unmap, 1, 3000, PROCESSES },
};
#define COUNT (sizeof(metrics) / sizeof(metrics[0]))

/* Nothing here checks anything but that the kernel does it, so there is nothing to sabotage. */
static bool is_chosen(const struct metric *metric, const struct options *options)
{
	return !options->sabotage && (!options->only || strcmp(options->only, metric->name) == 0);
}

int main(int argc, char **argv)
{
	bool failed = false;

	if (argc == 2 && strcmp(argv[1], NOTHING) == 0)
		return 0;

	struct options options = options_parse(argc, argv);
	unsigned int workers = sysconf(_SC_NPROCESSORS_ONLN), chosen = 0, number = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned int at = 0; at < COUNT; at++)
		chosen += is_chosen(&metrics[at], &options);
	if (options.list || (options.sabotage && strcmp(options.sabotage, "list") == 0)) {
		for (unsigned int at = 0; options.list && at < COUNT; at++)
			puts(metrics[at].name);
		return 0;
	}
	if (!chosen)
		options_usage_error(argv[0], "no subtest matches %s", options.only ? options.only : options.sabotage);
	file = memfd_create("perf", 0);
	if (file < 0 || ftruncate(file, PAGES * PAGE) || !marks_make()) {
		perror("perf");
		return 1;
	}
	printf("KTAP version 1\n1..%u\n", chosen);
	for (unsigned int at = 0; at < COUNT; at++) {
		const struct metric *metric = &metrics[at];
		unsigned int times = metric->by == ALONE ? 1 : workers;

		if (!is_chosen(metric, &options))
			continue;

		bool done = go(metric, workers, metric->rounds / 10 + 1);

		mark(2 * number);
		done = go(metric, workers, metric->rounds) && done;
		mark(2 * number + 1);
		printf("# metric operations %u events\n", metric->operations * metric->rounds * times);
		printf("%s %u %s\n", done ? "ok" : "not ok", ++number, metric->name);
		failed = failed || !done;
	}
	return failed;
}
