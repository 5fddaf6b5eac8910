// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "shrink.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

#define TRIALS_MAX 400u
#define TRIAL_S 3 /* a part that hangs is no part that fails in the same way */
#define LINE 200u
#define LINES 5u /* beside what was wrong, the seed, and what others may say */
#define RECENT 12u
#define OP_MAX 90u /* characters of an operation */

struct trial {
	const struct world *world;
	const struct program *program;
	struct program *resolved; /* in shared memory; NULL: not wanted */
};

static void try(struct run *run, void *arg)
{
	const struct trial *trial = arg;
	const struct world *like = trial->world;
	static struct world world;
	struct setup setup = {
		.owner = like->owner,
		.cell_pages = like->cell_pages,
		.huge_aligned = like->model.crowded,
		.heap = like->heap.end,
		.alone = true,
		.waits = true,
		.is_trial = true,
	};

	alarm(TRIAL_S);
	if (!world_open(&world, run, &setup))
		_exit(0);
	world_reset(&world);
	for (unsigned int i = 0; i < trial->program->count && !world.failed; i++) {
		world.resolved = trial->resolved ? &trial->resolved->op[i] : NULL;
		world_perform(&world, &trial->program->op[i]);
	}
	_exit(world.failed || !world_verify(&world));
}

static bool fails(const struct world *world, const struct program *program,
		  struct program *resolved)
{
	struct trial trial = { world, program, resolved };
	pid_t pid = child_try(world->run, try, &trial);
	int status = 0;

	if (pid < 0)
		return false;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) != 0 : WTERMSIG(status) != SIGALRM;
}

static struct program without(const struct program *program, unsigned int first, unsigned int count)
{
	struct program rest = *program;

	memmove(&rest.op[first], &rest.op[first + count],
		(rest.count - first - count) * sizeof(rest.op[0]));
	rest.count -= count;
	return rest;
}

/* ever smaller parts are left out, as long as what is left fails */
static void shrink(struct worker *worker, const struct world *world, struct program *program)
{
	unsigned int trials = 0;

	for (unsigned int part = (program->count + 1) / 2; part > 0;
	     part = part > 1 ? (part + 1) / 2 : 0) {
		for (unsigned int first = 0; first + part <= program->count && trials < TRIALS_MAX;
		     trials++) {
			struct program rest = without(program, first, part);

			worker_did(worker);
			if (rest.count && fails(world, &rest, NULL))
				*program = rest;
			else
				first += part;
		}
	}
}

/* Which cells an operation found to fit is said, instead of where it began to look. */
static void resolve(const struct world *world, struct program *program)
{
	struct program *resolved = mmap(NULL, sizeof(*resolved), PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (resolved == MAP_FAILED)
		return;
	*resolved = *program;
	if (fails(world, program, resolved) && fails(world, resolved, NULL))
		*program = *resolved;
	munmap(resolved, sizeof(*resolved));
}

static void tell(const struct world *world, const struct program *program)
{
	char line[LINE] = "";
	size_t used = 0;
	unsigned int lines = 0, i = 0;

	for (; i < program->count && lines < LINES; i++) {
		used += op_print(&program->op[i], line + used, sizeof(line) - used);
		if (i + 1 == program->count || used + OP_MAX > sizeof(line)) {
			run_fail(world->run, "%s", line);
			lines++;
			used = 0;
		} else {
			line[used++] = ';';
			line[used++] = ' ';
		}
	}
	if (i < program->count)
		run_fail(world->run, "and %u more, in all of --set program=%llu",
			 program->count - i, (unsigned long long)program->number);
}

static void end_run(const struct world *world)
{
	atomic_store(&world->run->board->stop, true);
}

void explain(struct worker *worker, const struct world *world, const struct program *program,
	     unsigned int done)
{
	struct program shown = *program;
	unsigned int of;

	end_run(world);
	shown.count = of = done;
	if (!fails(world, &shown, NULL)) {
		run_fail(
			world->run,
			"program %llu fails only with others beside it; its last operations of %u:",
			(unsigned long long)program->number, done);
		shown = done > RECENT ? without(&shown, 0, done - RECENT) : shown;
	} else {
		shrink(worker, world, &shown);
		resolve(world, &shown);
		run_fail(
			world->run,
			"program %llu fails by itself, also with %u of its %u operations (--set replay=FILE):",
			(unsigned long long)program->number, shown.count, of);
	}
	tell(world, &shown);
}

void explain_accused(const struct world *world, const struct program *program, unsigned int done)
{
	struct program recent = *program;

	recent.count = done;
	if (done > RECENT)
		recent = without(&recent, 0, done - RECENT);
	end_run(world);
	run_fail(world->run,
		 "meanwhile the owner of %u at %p was in program %llu, its last operations of %u:",
		 world->owner, (void *)world->base, (unsigned long long)program->number, done);
	tell(world, &recent);
}
