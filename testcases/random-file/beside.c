// SPDX-License-Identifier: GPL-2.0-only
/* beside: threads share a file of huge pages; each has a part of it, which ends in the middle of one. Another one moves the end of
 * the file, behind all parts, and the last one asks for collapses, splits and discards of everybody's.
 *
 * Oracle: nobody's bytes change by what others do to theirs, or by where they lie. */
#define _GNU_SOURCE
#include <errno.h>
#include <unistd.h>

#include "area.h"
#include "file.h"
#include "subtests.h"
#include "words.h"

#define SHARED_BYTES (4 * MIB)
#define OWNERS_MOST 16u
#define VERIFY_EVERY 400

struct scene {
	struct file file;
	unsigned int owners;
	struct slot *verified;
};

static size_t border(const struct scene *scene, unsigned int number)
{
	/* not where a page ends */
	return number == scene->owners ? SHARED_BYTES : SHARED_BYTES / scene->owners * number + 100 * number;
}

static void own(struct worker *worker)
{
	struct scene *scene = worker->arg;
	struct part part;

	if (!part_open(&part, &scene->file, &worker->rng, border(scene, worker->id),
		       border(scene, worker->id + 1)))
		return;
	for (unsigned int i = 1; worker_continue(worker) && !part.failed; i++) {
		part_operate(&part);
		if (i % VERIFY_EVERY == 0) {
			part_verify(&part);
			slot_hit(scene->verified);
		}
		worker_did(worker);
	}
	if (!part.failed)
		part_verify(&part);
	part_close(&part);
}

static void move_end(struct worker *worker)
{
	struct scene *scene = worker->arg;

	while (worker_continue(worker)) {
		size_t size = SHARED_BYTES + rng_below(&worker->rng, CONTENT_MAX - SHARED_BYTES + 1);

		if (rng_one_in(&worker->rng, 8))
			size = SHARED_BYTES;
		if (ftruncate(scene->file.fd, size) != 0)
			run_fail_errno(worker->run, "ftruncate");
		else if (size > SHARED_BYTES && pwrite(scene->file.fd, "", 1, size - 1) != 1)
			run_fail_errno(worker->run, "pwrite");
		worker_did(worker);
	}
}

static void disturb(struct worker *worker)
{
	static operation *const ways[] = { do_advise, do_advise, do_collapse, do_drop };
	struct scene *scene = worker->arg;
	struct part all;

	if (!part_open(&all, &scene->file, &worker->rng, 0, SHARED_BYTES))
		return;
	while (worker_continue(worker)) {
		all.serial++;
		ways[rng_below(&worker->rng, COUNT_OF(ways))](&all);
		worker_did(worker);
	}
	part_close(&all);
}

void beside(struct run *run)
{
	static struct scene scene;
	unsigned int owners = run_threads_left(run, 2, 2);
	struct content *content = content_new(run);
	struct role roles[] = {
		{ .name = "owner", .body = own, .arg = &scene },
		{ .name = "ender", .body = move_end, .count = 1, .arg = &scene },
		{ .name = "disturber", .body = disturb, .count = 1, .arg = &scene },
	};

	scene.owners = roles[0].count = owners > OWNERS_MOST ? OWNERS_MOST : owners;
	if (!content)
		return;
	if (!file_open(&scene.file, run, HUGE_ALWAYS, content) &&
	    !file_open(&scene.file, run, HUGE_NEVER, content)) {
		run_skip(run, "no tmpfs can be mounted: %s", error_words(errno));
		return;
	}
	if (ftruncate(scene.file.fd, SHARED_BYTES) != 0) {
		run_fail_errno(run, "ftruncate");
		return;
	}
	content_resize(scene.file.content, SHARED_BYTES);
	scene.verified = run_event(run, SLOT_EVENT, "verified");
	crew_run(run, roles, COUNT_OF(roles));
}
