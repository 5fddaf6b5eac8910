// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "world.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

static int file_of(pid_t pid, const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return open(path, flags | O_CLOEXEC);
}

void target_open(struct target *target, pid_t pid)
{
	*target = (struct target){
		.pid = pid, .pidfd = syscall(SYS_pidfd_open, pid, 0), .mem = file_of(pid, "mem", O_RDWR),
		.maps = file_of(pid, "maps", O_RDONLY), .pagemap = file_of(pid, "pagemap", O_RDONLY), .uffd.fd = -1,
	};
}

void target_close(struct target *target)
{
	const int files[] = { target->pidfd, target->mem, target->maps, target->pagemap, target->uffd.fd };

	for (unsigned int i = 0; i < COUNT_OF(files); i++)
		if (files[i] >= 0)
			close(files[i]);
}

bool world_open(struct run *run, struct world *world, bool foreign)
{
	*world = (struct world){ .run = run };
	if (!desk_open(run, &world->desk))
		return false;
	target_open(&world->self, getpid());
	world->self.uffd = world->desk.ours;
	for (unsigned int index = 0; index < kinds_count; index++)
		if (place_open(run, &world->places[world->places_count], index, &world->desk))
			world->places_count++;
	world->calls_count = calls_collect(&world->desk, foreign, world->calls);
	return true;
}

bool world_question(struct world *world, struct cell cell, struct question *question)
{
	*question = (struct question){
		.call = world->calls[cell.call], .place = &world->places[cell.place], .target = &world->self, .desk = &world->desk,
	};
	question_pose(question, cell.shape);
	return question_fits(question);
}

void write_to(struct place *place, struct desk *desk, struct rng *rng)
{
	char *at = place_page(place, 1);
	size_t bytes = (place->at_home ? place->home_pages : KIND_PAGES) * page_bytes();

	madvise(at, bytes, MADV_RANDOM);
	rng_dither(rng);
	madvise(at, bytes, MADV_NORMAL);
	if (place->kind->traits & STAYS)
		return;
	mprotect(at, bytes, place->kind->prot == PROT_NONE ? PROT_READ : PROT_NONE);
	rng_dither(rng);
	mprotect(at, bytes, place->kind->prot);
	if (rng_one_in(rng, 4))
		place_renew(place, desk);
}

void tell_answer(struct run *run, const struct question *question, long got, const struct answers *answers)
{
	char text[120];

	answers_tell(answers, text, sizeof(text));
	run_fail(run, "%s of %s, %s%s%s: %ld, may be%s", question->call->name, question->place->kind->name,
		 shape_names[question->shape], question->place->before ? ", VMA before" : "",
		 question->place->behind ? ", VMA behind" : "", got, text);
}
