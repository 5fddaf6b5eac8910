// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shrink.h"

#define FILE_MAX (16 * 1024)

/* Operations are separated by ends of lines or semicolons, so what a failed run prints can be given
 * back as it is. */
static bool parse(struct program *program, char *text)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n;", &rest); line; line = strtok_r(NULL, "\n;", &rest)) {
		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		if (program->count == PROGRAM_OPS ||
		    !op_parse(line, &program->op[program->count++]))
			return false;
	}
	return program->count > 0;
}

static bool read_program(struct program *program, const char *path)
{
	static char text[FILE_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got > 0 && parse(program, text);
}

bool choice_make(struct choice *choice, struct run *run, const char *usual)
{
	const char *weights = run_setting(run, "weights"), *number = run_setting(run, "program"),
		   *file = run_setting(run, "replay");

	*choice = (struct choice){ .weights = weights_default(), .one = number || file };
	weights_change(&choice->weights, usual);
	if (weights && !weights_change(&choice->weights, weights)) {
		run_fail(run, "weights=%s: not NAME:WEIGHT,..., or a name that no operation has",
			 weights);
		return false;
	}
	choice->first = number ? strtoull(number, NULL, 0) : 0;
	if (file && !read_program(&choice->fixed, file)) {
		run_fail(
			run,
			"replay=%s: cannot be read, or an operation is not of the form that a failed run prints",
			file);
		return false;
	}
	return true;
}

static void make(struct program *program, const struct world *world, const struct choice *choice,
		 uint64_t number)
{
	struct rng rng = rng_make(world->run->seed, (uint64_t)world->owner << 40 | number);

	if (choice->fixed.count) {
		*program = choice->fixed;
		return;
	}
	*program = (struct program){ .number = number, .count = PROGRAM_OPS };
	for (unsigned int i = 0; i < PROGRAM_OPS; i++)
		program->op[i] = op_random(&choice->weights, &rng);
}

static void perform_program(struct worker *worker, struct world *world,
			    const struct program *program)
{
	unsigned int done = 0;

	world_reset(world);
	while (done < program->count && !world->failed) {
		if (!worker_continue(worker))
			return;
		world_perform(world, &program->op[done++]);
		if (world->shadow && atomic_load(&world->shadow->accused)) {
			explain_accused(world, program, done);
			return;
		}
		worker_did(worker);
	}
	world->op = NULL;
	if (!world->failed)
		world_verify(world);
	if (world->failed)
		explain(worker, world, program, done);
}

void programs_perform(struct worker *worker, struct world *world, const struct choice *choice)
{
	struct program program;

	world->worker = worker;
	for (uint64_t number = choice->first; worker_continue(worker) && !world->failed;
	     number += !choice->one) {
		make(&program, world, choice, number);
		perform_program(worker, world, &program);
	}
	world_close(world);
}
