/* What an operation costs. Each subtest warms up, and then does a fixed number of operations between two marks: 2k and
 * 2k+1 for the k-th, from 0. Nothing is timed here, and nothing is random: what differs between two kernels is the
 * kernels' doing. As in will-it-scale: page_fault1 and 3, mmap1, fork and exec, by one thread, by threads of one address
 * space, and by processes. */
#define _GNU_SOURCE
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include "marks.h"
#include "options.h"

#define PAGES 64
#define PAGE 4096ul
#define PLACES 32
#define PERSONALITY_NOW 0xffffffff      /* asks, and changes nothing */
#define NOTHING "--nothing"             /* what a child that was executed does */

struct metric {
	const char *name;
	bool (*round)(void);            /* false: it could not be done */
	unsigned int operations;        /* of a round */
	unsigned int rounds;
	enum { ALONE, THREADS, PROCESSES } by;
	bool maps;                      /* then it does so in many places */
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
	unsigned int cpu;
	bool failed;
};

/* On which CPUs workers find themselves, and whether they share one, is chance, and a tenth of what they cost together */
static bool stay_on(unsigned int cpu)
{
	cpu_set_t only;

	CPU_ZERO(&only);
	CPU_SET(cpu, &only);
	return sched_setaffinity(0, sizeof(only), &only) == 0;
}

/* One more neighbour for the next mappings. No two of them become one, and each is larger than a mapping: it goes where
 * that would go. */
static void *neighbour(unsigned int number)
{
	return mmap(NULL, (PAGES + 4) * PAGE, number % 2 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* What a mapping costs depends on what lies beside it. A node of the tree of mappings that is full is split and joined
 * again in each round, and a mapping that has a page table to itself makes, clears and frees it: half of the cost of an
 * mmap with its munmap, a twentieth of a page fault's. So it goes through many places. */
static void *rounds_of(void *arg)
{
	struct work *work = arg;
	void *neighbours[PLACES];
	unsigned int places = 0;

	work->failed = !stay_on(work->cpu);
	for (unsigned int round = 0; round < work->rounds && !work->failed; round++) {
		while (work->metric->maps && places < PLACES && places * work->rounds <= round * PLACES) {
			neighbours[places] = neighbour(places);
			work->failed = neighbours[places++] == MAP_FAILED;
		}
		work->failed = work->failed || !work->metric->round();
	}
	while (places--)
		munmap(neighbours[places], (PAGES + 4) * PAGE);
	return NULL;
}

static bool by_threads(const struct metric *metric, unsigned int workers, unsigned int rounds)
{
	pthread_t threads[workers];
	struct work work[workers];
	unsigned int started = 0;
	bool done = true;

	for (; started < workers; started++) {
		work[started] = (struct work){ metric, rounds, started, false };
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
			struct work work = { metric, rounds, at, false };

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
	struct work work = { metric, rounds, 0, false };

	if (metric->by == THREADS)
		return by_threads(metric, workers, rounds);
	if (metric->by == PROCESSES)
		return by_processes(metric, workers, rounds);
	rounds_of(&work);
	return !work.failed;
}

/* In a process of its own: what threads had left of an address space, in one order or another, made what came next a
 * fifth cheaper in every third guest. */
static bool measured(const struct metric *metric, unsigned int workers, unsigned int number)
{
	pid_t child = fork();

	if (child == 0) {
		bool done = go(metric, workers, metric->rounds / 10 + 1);

		mark(2 * number);
		done = go(metric, workers, metric->rounds) && done;
		mark(2 * number + 1);
		_exit(!done);
	}
	return ended_well(child);
}

static const struct metric metrics[] = {
	{ "fault-anon", fault_anon, PAGES, 400, ALONE, true },
	{ "fault-file", fault_file, PAGES, 400, ALONE, true },
	{ "mmap-munmap", map_unmap, 1, 8000, ALONE, true },
	{ "fork-exit", fork_exit, 1, 300, ALONE, false },
	{ "exec", execute, 1, 150, ALONE, false },
	{ "fault-anon-threads", fault_anon, PAGES, 150, THREADS, true },
	{ "fault-anon-processes", fault_anon, PAGES, 150, PROCESSES, true },
	{ "mmap-munmap-threads", map_unmap, 1, 3000, THREADS, true },
	{ "mmap-munmap-processes", map_unmap, 1, 3000, PROCESSES, true },
};
#define COUNT (sizeof(metrics) / sizeof(metrics[0]))

/* The places are the same in each guest. */
static void without_random_addresses(char **argv)
{
	char self[PATH_MAX] = "";
	int now = personality(PERSONALITY_NOW);

	if (now == -1 || now & ADDR_NO_RANDOMIZE || readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return;
	if (personality(now | ADDR_NO_RANDOMIZE) != -1)
		execv(self, argv);
	perror("addresses stay random");
}

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
	without_random_addresses(argv);

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

		bool done = measured(metric, workers, number);

		printf("# metric operations %u events\n", metric->operations * metric->rounds * times);
		printf("%s %u %s\n", done ? "ok" : "not ok", ++number, metric->name);
		failed = failed || !done;
	}
	return failed;
}
