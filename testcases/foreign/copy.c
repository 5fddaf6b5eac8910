// SPDX-License-Identifier: GPL-2.0-only
/* copy: process_vm_readv(), process_vm_writev() and /proc/PID/mem. Oracles: claim.c for what is read; a word that one thread
 * writes from outside is, as long as the page is the same, what that thread wrote last. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "subtests.h"
#include "target.h"

#define WORD sizeof(uint64_t)

static enum access read_word(pid_t pid, void *at, uint64_t *value)
{
	struct iovec here = { value, WORD }, there = { at, WORD };

	return process_vm_readv(pid, &here, 1, &there, 1, 0) == WORD ? ACCESS_OK : ACCESS_SEGV;
}

static enum access write_word(pid_t pid, void *at, uint64_t value)
{
	struct iovec here = { &value, WORD }, there = { at, WORD };

	return process_vm_writev(pid, &here, 1, &there, 1, 0) == WORD ? ACCESS_OK : ACCESS_SEGV;
}

static void read_on(struct worker *worker)
{
	struct stage *stage = worker->arg;
	struct look look;

	look_give_way();
	while (worker_continue(worker)) {
		uint64_t value = 0;
		enum access got;

		if (look_begin(&look, stage, &worker->rng)) {
			got = read_word(look.pid, area_word(stage->base, look.page, WORD_TAG), &value);
			if (look_end(&look))
				look_judge_tag(&look, got, value, "process_vm_readv");
		}
		worker_did(worker);
	}
}

/* a life's file is kept open to its end, and beyond */
static void read_mem_on(struct worker *worker)
{
	struct stage *stage = worker->arg;
	uint64_t opened = 0;
	char path[40];
	int fd = -1;

	look_give_way();
	while (worker_continue(worker)) {
		struct look look;
		uint64_t value = 0;
		enum access got;

		if (look_begin(&look, stage, &worker->rng)) {
			if (opened != look.serial) {
				if (fd >= 0)
					close(fd);
				snprintf(path, sizeof(path), "/proc/%d/mem", (int)look.pid);
				fd = open(path, O_RDWR | O_CLOEXEC);
				opened = look.serial;
			}
			got = fd >= 0 && pread(fd, &value, WORD, (uintptr_t)area_word(stage->base, look.page, WORD_TAG)) == WORD ?
				      ACCESS_OK : ACCESS_SEGV;
			if (look_end(&look))
				look_judge_tag(&look, got, value, "/proc/PID/mem");
		}
		worker_did(worker);
	}
	if (fd >= 0)
		close(fd);
}

struct note {
	uint64_t serial, generation, value;
};

static bool is_settled_rw(const struct look *look)
{
	return look->before == look->after && (claim_may(look->before) & (CLAIM_ANY | MAY_BE_ZERO)) == CLAIM_RW;
}

static void write_on(struct worker *worker)
{
	struct stage *stage = worker->arg;
	struct note notes[PAGES] = { 0 };

	look_give_way();
	for (uint64_t serial = 1; worker_continue(worker); serial++) {
		uint64_t seen = 0, fresh = tag_make(worker->id, 0, serial);
		enum access loaded, stored, again;
		struct note *note;
		struct look look;
		const char *wrong;
		uint64_t *word;

		worker_did(worker);
		if (!look_begin(&look, stage, &worker->rng))
			continue;
		note = &notes[look.page];
		word = area_word(stage->base, look.page, WORD_OF_THREAD(worker->id));
		loaded = read_word(look.pid, word, &seen);
		stored = write_word(look.pid, word, run_sabotaged(worker->run, "write-lost") ? fresh + 1 : fresh);
		again = read_word(look.pid, word, &(uint64_t){ 0 });
		if (!look_end(&look))
			continue;
		wrong = claim_judge_store(look.before, look.after, stored);
		if (!wrong && is_settled_rw(&look) && (loaded != ACCESS_OK || again != ACCESS_OK))
			wrong = "refused";
		/* Oracle: a page that was copied, split or faulted on twice is still the one that was written to. */
		if (!wrong && is_settled_rw(&look) && note->serial == look.serial &&
		    note->generation == claim_generation(look.before) && seen != note->value)
			wrong = "a write was lost";
		if (wrong)
			run_fail(worker->run, "%s: page %u of life %llu had %#llx, last written %#llx; claims %#llx..%#llx", wrong,
				 look.page, (unsigned long long)look.serial, (unsigned long long)seen,
				 (unsigned long long)note->value, (unsigned long long)look.before,
				 (unsigned long long)look.after);
		*note = (struct note){ 0 };
		if (stored == ACCESS_OK && is_settled_rw(&look))
			*note = (struct note){ look.serial, claim_generation(look.before), fresh };
	}
}

void copy(struct run *run)
{
	struct stage *stage = stage_make(run);
	unsigned int writers = run_threads_left(run, 3, 1);
	const struct role roles[] = {
		{ .name = "keeper", .body = keep_target, .count = 1, .arg = stage },
		{ .name = "reader", .body = read_on, .count = 1, .arg = stage },
		{ .name = "memreader", .body = read_mem_on, .count = 1, .arg = stage },
		{ .name = "writer", .body = write_on, .count = writers > 8 ? 8 : writers, .arg = stage },
	};

	if (stage && process_vm_readv(getpid(), NULL, 0, NULL, 0, 0) < 0 && errno == ENOSYS)
		run_skip(run, "no process_vm_readv() (CONFIG_CROSS_MEMORY_ATTACH)");
	else if (stage)
		crew_run(run, roles, COUNT_OF(roles));
}
