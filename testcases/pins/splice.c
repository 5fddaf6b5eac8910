// SPDX-License-Identifier: GPL-2.0-only
/* splice: pages of anonymous memory are put into pipes (vmsplice) around forks, while their VMA is split and merged.
 *
 * Oracles: a child that put an inherited page into a pipe, and unmapped it, must not find there what its parent stores later
 * (the page was taken for the parent's alone); and what a child stores is not seen in a pipe that its parent filled before. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/uio.h>
#include <unistd.h>

#include "subtests.h"

#define EACH 4                          /* pages of each forker */
#define FORKERS 2
#define PAGES (EACH * FORKERS)
#define PAGE_MOST (64 * 1024)

struct zone {
	struct run *run;
	void *base;
};

struct errand {
	struct run *run;
	uint64_t *word;
	uint64_t old;
	int to_parent[2], to_child[2];
};

static bool put(struct run *run, int pipe_end, uint64_t *word)
{
	struct iovec page = { .iov_base = word, .iov_len = page_bytes() };

	if (vmsplice(pipe_end, &page, 1, 0) == (ssize_t)page_bytes())
		return true;
	run_fail_errno(run, "vmsplice");
	return false;
}

static uint64_t first_word(struct run *run, int pipe_end)
{
	static _Thread_local uint64_t out[PAGE_MOST / sizeof(uint64_t)];

	out[0] = 0;
	if (read(pipe_end, out, page_bytes()) != (ssize_t)page_bytes())
		run_fail_errno(run, "reading a page from a pipe");
	return out[0];
}

static void tell(int pipe_end)
{
	char byte = 1;

	if (write(pipe_end, &byte, 1) != 1)
		_exit(1);
}

static bool is_told(int pipe_end)
{
	char byte;

	return read(pipe_end, &byte, 1) == 1;
}

/* child: fills a pipe with what it inherited, forgets the page, and looks when the parent has written */
static void hold_inherited(struct run *run, void *arg)
{
	struct errand *errand = arg;
	int ends[2];
	uint64_t seen;

	close(errand->to_child[1]);
	if (run_sabotaged(run, "child-sees"))
		*errand->word = 1;
	if (pipe2(ends, O_CLOEXEC) != 0 || !put(run, ends[1], errand->word))
		_exit(1);
	area_unmap(run, errand->word, 1);
	tell(errand->to_parent[1]);
	if (!is_told(errand->to_child[0]))
		_exit(1);
	seen = first_word(run, ends[0]);
	if (seen != errand->old)
		run_fail(run, "child: the page in the pipe had %#llx, and has %#llx after its parent wrote", (unsigned long long)errand->old,
			 (unsigned long long)seen);
}

static void parent_writes(struct run *run, struct errand *errand, uint64_t fresh)
{
	pid_t pid;

	if (pipe2(errand->to_parent, O_CLOEXEC) != 0 || pipe2(errand->to_child, O_CLOEXEC) != 0) {
		run_fail_errno(run, "pipe");
		return;
	}
	pid = child_start(run, hold_inherited, errand);
	close(errand->to_parent[1]);
	if (is_told(errand->to_parent[0]))
		*(volatile uint64_t *)errand->word = fresh;
	tell(errand->to_child[1]);
	if (*(volatile uint64_t *)errand->word != fresh)
		run_fail(run, "a write was lost: %#llx instead of %#llx", (unsigned long long)*errand->word, (unsigned long long)fresh);
	child_wait(run, pid);
	close(errand->to_parent[0]);
	close(errand->to_child[0]);
	close(errand->to_child[1]);
}

static void spoil(struct run *run, void *arg)
{
	struct errand *errand = arg;

	(void)run;
	*(volatile uint64_t *)errand->word = ~errand->old;
}

/* the parent's pipe has the page, and a child stores to its copy */
static void child_writes(struct run *run, struct errand *errand)
{
	int ends[2];
	uint64_t seen;

	if (pipe2(ends, O_CLOEXEC) != 0 || !put(run, ends[1], errand->word))
		return;
	child_wait(run, child_start(run, spoil, errand));
	if (run_sabotaged(run, "pipe-sees"))
		*errand->word = ~errand->old;
	seen = first_word(run, ends[0]);
	if (seen != errand->old || *(volatile uint64_t *)errand->word != errand->old)
		run_fail(run, "a child's store is seen: the pipe has %#llx, the page %#llx, both had %#llx", (unsigned long long)seen,
			 (unsigned long long)*errand->word, (unsigned long long)errand->old);
	close(ends[0]);
	close(ends[1]);
}

static void fork_often(struct worker *worker)
{
	struct zone *zone = worker->arg;

	for (uint64_t serial = 1; worker_continue(worker); serial++) {
		unsigned int page = worker->id * EACH + rng_below(&worker->rng, EACH);
		struct errand errand = {
			.run = worker->run, .word = area_word(zone->base, page, WORD_TAG), .old = tag_make(worker->id, page, 2 * serial),
		};

		*(volatile uint64_t *)errand.word = errand.old;
		if (rng_one_in(&worker->rng, 2))
			parent_writes(worker->run, &errand, errand.old + 1);
		else
			child_writes(worker->run, &errand);
		worker_did(worker);
	}
}

void splice_pages(struct run *run)
{
	static struct zone zone;
	struct touched splits;
	const struct role roles[] = {
		{ .name = "forker", .body = fork_often, .count = FORKERS, .arg = &zone },
		{ .name = "splitter", .body = split_pages, .count = 1, .arg = &splits },
	};

	zone = (struct zone){ .run = run, .base = area_reserve(run, PAGES) };
	splits = (struct touched){ .base = zone.base, .pages = PAGES };
	if (page_bytes() > PAGE_MOST || !zone.base ||
	    area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	crew_run(run, roles, COUNT_OF(roles));
}
