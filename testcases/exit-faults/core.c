// SPDX-License-Identifier: GPL-2.0-only
/* core: a child with threads that write and map dumps core in the middle of that, and its parent reads the core file.
 *
 * Oracles: each page of the dump has its tag. A thread writes its count to the pages one after the other, so its words are of
 * one instant: they differ by one step at most, and that downwards; and they are not older than what the thread had told
 * before. What is never mapped, or is not to be dumped, is not there; all threads are. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "elf.h"
#include "subtests.h"

#define PAGES 12
#define WRITERS 3
#define MAPPED 4                        /* pages that one thread maps again and again */

struct zone {
	struct run *run;
	char path[64];
	void *base, *again, *hidden, *hole;
	_Atomic uint64_t *said;         /* rounds that each writer has done, in shared memory */
	struct slot *dumps;
};

struct writer {
	struct zone *zone;
	unsigned int id;
};

static void *write_upwards(void *arg)
{
	struct writer *writer = arg;
	struct zone *zone = writer->zone;

	for (uint64_t count = 1;; count++) {
		for (unsigned int i = 0; i < PAGES; i++) {
			unsigned int page = run_sabotaged(zone->run, "core-torn") ? PAGES - 1 - i : i;

			*(volatile uint64_t *)area_word(zone->base, page, WORD_OF_THREAD(writer->id)) = count;
		}
		atomic_store(&zone->said[writer->id], run_sabotaged(zone->run, "core-old") ? count + 2 : count);
		/* a VMA of its own for a page, for a while */
		if (writer->id == 0 && count % 64 == 0)
			area_advise(zone->run, area_word(zone->base, count / 64 % PAGES, 0), 1,
				    count / 64 / PAGES % 2 ? MADV_RANDOM : MADV_NORMAL);
	}
	return NULL;
}

static void *map_again(void *arg)
{
	struct zone *zone = arg;

	for (uint64_t generation = 1;; generation++) {
		area_map(zone->run, zone->again, MAPPED, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0);
		area_tag(zone->again, MAPPED, 1, generation);
		area_unmap(zone->run, zone->again, MAPPED);
	}
	return NULL;
}

static void live(struct run *run, void *arg)
{
	static struct writer writers[WRITERS];
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct zone *zone = arg;

	setrlimit(RLIMIT_CORE, &all);
	area_tag(zone->base, PAGES, 0, 7);
	area_tag(zone->hidden, 1, 2, 7);
	if (run_sabotaged(run, "core-other-page"))
		area_tag(area_word(zone->base, 1, 0), 1, 0, 7);
	if (!run_sabotaged(run, "core-hole"))
		area_advise(run, zone->hidden, 1, MADV_DONTDUMP);
	for (unsigned int id = 0; id < WRITERS; id++) {
		writers[id] = (struct writer){ zone, id };
		child_thread(run, write_upwards, &writers[id]);
	}
	child_thread(run, map_again, zone);
	usleep(2000 + (unsigned int)(slot_total(zone->dumps) * 7919 % 20000));
	signal(SIGQUIT, SIG_DFL);
	kill(getpid(), SIGQUIT);
	pause();
}

static void check_writer(struct zone *zone, const struct core_file *core, unsigned int id)
{
	uint64_t above = UINT64_MAX, first = 0, said = atomic_load(&zone->said[id]);

	for (unsigned int page = 0; page < PAGES; page++) {
		const uint64_t *word = core_word(core, (uintptr_t)area_word(zone->base, page, WORD_OF_THREAD(id)));
		uint64_t value = word ? *word : UINT64_MAX;

		if (page == 0)
			first = above = value;
		if (!word || value > above || first - value > 1 || value < said) {
			run_fail(zone->run, "core: page %u of writer %u has %llx, page 0 %llx, page before %llx, said %llx", page, id,
				 (unsigned long long)value, (unsigned long long)first, (unsigned long long)above,
				 (unsigned long long)said);
			return;
		}
		above = value;
	}
}

/* fresh, or tagged in one of its rounds (before others were); or not mapped at that moment */
static void check_mapped_again(struct zone *zone, const struct core_file *core)
{
	uint64_t above = UINT64_MAX;

	for (unsigned int page = 0; page < MAPPED; page++) {
		const uint64_t *word = core_word(core, (uintptr_t)area_word(zone->again, page, WORD_TAG));
		uint64_t value = word ? *word : 0;

		if (value && (!tag_valid(value) || tag_owner(value) != 1 || tag_page(value) != page ||
			      (above != UINT64_MAX && tag_generation(value) != above)))
			run_fail(zone->run, "core: page %u of what is mapped again has %#llx", page, (unsigned long long)value);
		if (value)
			above = tag_generation(value);
	}
}

static void check(struct zone *zone)
{
	struct core_file core;

	if (!core_open(&core, zone->path)) {
		run_fail(zone->run, "%s is no core file", zone->path);
		return;
	}
	for (unsigned int page = 0; page < PAGES; page++) {
		const uint64_t *word = core_word(&core, (uintptr_t)area_word(zone->base, page, WORD_TAG));

		if (!word || *word != tag_make(0, page, 7))
			run_fail(zone->run, "core: page %u %s %#llx", page, word ? "has" : "is not there:",
				 (unsigned long long)(word ? *word : 0));
	}
	for (unsigned int id = 0; id < WRITERS; id++)
		check_writer(zone, &core, id);
	check_mapped_again(zone, &core);
	if (core_word(&core, (uintptr_t)zone->hidden) || core_word(&core, (uintptr_t)zone->hole))
		run_fail(zone->run, "core: it has what is not to be dumped, or not accessible");
	if (core_threads(&core) != WRITERS + 2)
		run_fail(zone->run, "core: it has %u threads instead of %u", core_threads(&core), WRITERS + 2);
	core_close(&core);
}

static void dump_on(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		pid_t pid;
		int status = 0;

		memset((void *)zone->said, 0, WRITERS * sizeof(*zone->said));
		unlink(zone->path);
		pid = child_start(worker->run, live, zone);
		if (pid < 0)
			break;
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGQUIT || !WCOREDUMP(status))
			run_fail(worker->run, "the child ended with status %#x, and %s core", status,
				 WIFSIGNALED(status) && WCOREDUMP(status) ? "dumped" : "dumped no");
		else
			check(zone);
		unlink(zone->path);
		slot_hit(zone->dumps);
		worker_did(worker);
	}
}

/* A pattern without placeholders is a file that this process alone makes. */
static bool read_pattern(struct run *run, char *path, size_t size)
{
	int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd >= 0 ? read(fd, path, size - 1) : -1;

	if (fd >= 0)
		close(fd);
	path[got > 0 ? got : 0] = '\0';
	path[strcspn(path, "\n")] = '\0';
	if (path[0] == '/' && !strchr(path, '%') && strstr(path, "exit-faults"))
		return true;
	run_skip(run, "kernel.core_pattern is %s instead of a file for this test", path[0] ? path : "not there");
	return false;
}

void core(struct run *run)
{
	static struct zone zone;
	const struct role roles[] = {
		{ .name = "dumper", .body = dump_on, .count = 1, .arg = &zone, .on_main = true },
	};

	zone = (struct zone){ .run = run };
	if (!read_pattern(run, zone.path, sizeof(zone.path)))
		return;
	zone.base = area_reserve(run, PAGES);
	zone.again = area_reserve(run, MAPPED);
	zone.hidden = area_reserve(run, 1);
	zone.hole = area_reserve(run, 1);
	zone.said = mmap(NULL, WRITERS * sizeof(*zone.said), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!zone.base || !zone.again || !zone.hidden || !zone.hole || zone.said == MAP_FAILED ||
	    area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED ||
	    area_map(run, zone.hidden, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	zone.dumps = run_event(run, SLOT_REQUIRED, "dumps");
	crew_run(run, roles, COUNT_OF(roles));
}
