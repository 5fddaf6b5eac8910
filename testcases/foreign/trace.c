// SPDX-License-Identifier: GPL-2.0-only
/* trace: another process stops the target, peeks and pokes, and lets it go on. It stands still meanwhile, somewhere between
 * two changes or in one, so all that is read is exact where its claims are; what is poked is what is peeked.
 *
 * Oracles: claim.c; a poked word is there at once, and at the next stop, if the page is the same. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "subtests.h"
#include "target.h"

#define OWN_WORD WORD_OF_THREAD(20)     /* no thread of a target writes to it */

struct tracing {
	struct stage *stage;
	struct slot *stops, *pokes;
};

static void *word_at(struct stage *stage, unsigned int page, unsigned int word)
{
	return area_word(stage->base, page, word);
}

static enum access peek(pid_t pid, void *at, uint64_t *value)
{
	long got;

	errno = 0;
	got = ptrace(PTRACE_PEEKDATA, pid, at, NULL);
	*value = (unsigned long)got;
	return errno ? ACCESS_SEGV : ACCESS_OK;
}

static void look_at_page(struct tracing *tracing, struct look *look, uint64_t value)
{
	struct run *run = tracing->stage->run;
	void *word = word_at(tracing->stage, look->page, OWN_WORD);
	uint64_t tag = 0, poked = 0;
	enum access got = peek(look->pid, word_at(tracing->stage, look->page, WORD_TAG), &tag);

	/* the first look of another life at this page is not exact: it may have ended */
	if (!look_end(look) || !atomic_load(&look->life->alive))
		return;
	look_judge_tag(look, got, got == ACCESS_OK ? tag : 0, "ptrace");
	if (got != ACCESS_OK || ptrace(PTRACE_POKEDATA, look->pid, word, (void *)(uintptr_t)value) != 0)
		return;
	if (run_sabotaged(run, "poke-lost"))
		value++;
	if (peek(look->pid, word, &poked) == ACCESS_OK && poked != value)
		run_fail(run, "page %u of life %llu: poked %#llx, peeked %#llx", look->page, (unsigned long long)look->serial,
			 (unsigned long long)value, (unsigned long long)poked);
	slot_hit(tracing->pokes);
}

static void stop_and_look(struct tracing *tracing, struct rng *rng, uint64_t serial)
{
	struct stage *stage = tracing->stage;
	struct look look;
	int status;

	if (!look_begin(&look, stage, rng) || ptrace(PTRACE_SEIZE, look.pid, NULL, NULL) != 0)
		return;
	if (ptrace(PTRACE_INTERRUPT, look.pid, NULL, NULL) != 0 || waitpid(look.pid, &status, __WALL) != look.pid ||
	    !WIFSTOPPED(status)) {
		ptrace(PTRACE_DETACH, look.pid, NULL, NULL);
		return;
	}
	slot_hit(tracing->stops);
	for (unsigned int i = 0; i < 4; i++) {
		look.page = rng_below(rng, PAGES);
		look.before = claim_read(&look.life->claim[look.page]);
		look_at_page(tracing, &look, tag_make(2, look.page, serial));
	}
	ptrace(PTRACE_DETACH, look.pid, NULL, NULL);
}

static void trace_on(struct run *run, void *arg)
{
	struct rng rng = rng_make(run->seed, 0x7ace);

	for (uint64_t serial = 1; !run_stopping(run); serial++) {
		stop_and_look(arg, &rng, serial);
		rng_dither_below(&rng, 6);
		usleep(200);
	}
}

/* the tracer is a process of its own: a thread's tracees are also waited for by the others of its process */
static void keep_tracer(struct worker *worker)
{
	struct tracing *tracing = worker->arg;
	pid_t tracer = child_start(worker->run, trace_on, tracing);
	uint64_t seen = 0;

	while (worker_continue(worker)) {
		clock_sleep_ms(5);
		if (slot_total(tracing->stops) != seen)
			worker_did(worker);
		seen = slot_total(tracing->stops);
	}
	child_wait(worker->run, tracer);
}

void trace(struct run *run)
{
	static struct tracing tracing;
	struct stage *stage = stage_make(run);
	const struct role roles[] = {
		{ .name = "keeper", .body = keep_target, .count = 1, .arg = stage },
		{ .name = "tracer", .body = keep_tracer, .count = 1, .arg = &tracing },
	};

	tracing = (struct tracing){
		.stage = stage, .stops = run_event(run, SLOT_REQUIRED, "stops"), .pokes = run_event(run, SLOT_REQUIRED, "pokes"),
	};
	if (stage)
		crew_run(run, roles, COUNT_OF(roles));
}
