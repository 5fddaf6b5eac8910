// SPDX-License-Identifier: GPL-2.0
/* fork and vfork: a child has a copy of everything private, as the model has it, and goes on by
 * itself. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "operations.h"
#include "words.h"

#define DEPTH_MAX 2u
#define CHILD_OPS 24u
#define CHILD_FAILED 3

/* Oracles: the child finds what its parent had when it forked, and not what the parent stored
 * later: a page table entry that was not protected, a VMA copied with wrong flags or limits. What
 * it then does by itself is judged as in the parent. */
static void live(struct run *run, void *arg)
{
	struct world *world = arg;
	const struct op *forking = world->op;
	struct weights weights = weights_default();
	struct rng rng = rng_make(forking->seed, 7);

	(void)run;
	world_become_child(world);
	for (unsigned int i = 0; i < forking->a % CHILD_OPS && !world->failed; i++) {
		struct op op = op_random(&weights, &rng);

		world_perform(world, &op);
	}
	world->op = NULL;
	if (!world->failed)
		world_verify(world);
	world_wait_for_kids(world);
	/* told already, but for trials; who waits looks for the reason in its own program */
	if (world->failed && world->waits)
		_exit(CHILD_FAILED);
}

static void wait_for(struct world *world, pid_t child)
{
	int status = 0;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_FAILED)
		world->failed = true;
	else if (status)
		world_fail(world, "a forked child ends with status %#x", status);
}

void do_fork(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	pid_t *place = &world->kid[op->b % KIDS_MAX], child;

	(void)at, (void)count;
	if (world->depth >= DEPTH_MAX)
		return;
	if (*place > 0)
		child_wait(world->run, *place);
	*place = 0;
	/* it may look at what is shared, and so make it present */
	for (struct object *object = world->model.object; object < world->model.object + OBJECTS;
	     object++)
		for (unsigned int slot = 0; slot < OBJECT_CELLS; slot++)
			if (object->present[slot] == ABSENT)
				object->present[slot] = UNSURE;
	child = child_try(world->run, live, world);
	if (child < 0)
		world_fail(world, "fork: %s", error_words(errno));
	else if (world->waits)
		wait_for(world, child);
	else
		*place = child;
}

/* The child is in our address space until it is gone: threads of ours go on faulting. Oracle: the
 * program starts and ends. */
void do_vfork(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	static char *const argv[] = { "random-ops", "--list", NULL };
	static char *const environment[] = { NULL };
	bool executes = op_is_first(op);
	int status = 0;
	pid_t child = vfork();

	(void)at, (void)count;
	if (child == 0) {
		if (executes)
			execve("/proc/self/exe", argv, environment);
		_exit(executes);
	}
	if (child < 0) {
		world_fail(world, "vfork: %s", error_words(errno));
		return;
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (status)
		world_fail(world, "a program that was started ends with status %#x", status);
}
