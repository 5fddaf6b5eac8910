// SPDX-License-Identifier: GPL-2.0-only
/* alone: each thread has files of its own, one for each kind of huge pages, and does everything to one after the other. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "file.h"
#include "subtests.h"
#include "words.h"

#define OPS 150 /* of a file, from empty on */
#define THREADS_MOST 8u /* each has some 11 MiB */

struct shelf {
	struct file file[HUGE_KINDS]; /* all but one of them empty */
	unsigned int count; /* of kinds that there are */
};

struct scene {
	struct shelf shelf[THREADS_MOST];
	struct slot *verified;
};

static void work(struct worker *worker)
{
	struct scene *scene = worker->arg;
	struct shelf *shelf = &scene->shelf[worker->id];

	for (unsigned int turn = 0; worker_continue(worker); turn++) {
		struct file *file = &shelf->file[turn % shelf->count];
		struct part part;

		if (!part_open(&part, file, &worker->rng, 0, CONTENT_MAX))
			return;
		part.is_whole = true;
		for (unsigned int i = 0; i < OPS && !part.failed && worker_continue(worker); i++) {
			part_operate(&part);
			worker_did(worker);
		}
		if (!part.failed)
			part_verify(&part);
		slot_hit(scene->verified);
		file_empty(file);
		part_close(&part);
		if (part.failed)
			return;
	}
}

static bool fill(struct shelf *shelf, struct run *run)
{
	struct content *content = content_new(run);

	for (unsigned int huge = 0; content && huge < HUGE_KINDS; huge++) {
		if (file_open(&shelf->file[shelf->count], run, huge, content))
			shelf->count++;
		else if (huge == HUGE_NEVER)
			return false;
	}
	return content;
}

void alone(struct run *run)
{
	static struct scene scene;
	unsigned int threads = run->threads / 2;
	struct role role = { .name = "writer", .body = work, .arg = &scene };

	role.count = threads < 2 ? 2 : threads > THREADS_MOST ? THREADS_MOST : threads;
	for (unsigned int i = 0; i < role.count; i++) {
		if (!fill(&scene.shelf[i], run)) {
			run_skip(run, "no tmpfs can be mounted: %s", error_words(errno));
			return;
		}
	}
	scene.verified = run_event(run, SLOT_REQUIRED, "verified");
	crew_run(run, &role, 1);
}
