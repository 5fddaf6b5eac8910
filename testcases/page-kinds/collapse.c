// SPDX-License-Identifier: GPL-2.0-only
/* collapse: small pages are asked to become a huge one, where that may be, must not be, or has no page to begin with.
 *
 * Oracles, from madvise(2) of MADV_COLLAPSE and Documentation/admin-guide/mm/transhuge.rst ("process THP controls"): success is a huge
 * page that one entry maps; what was there is in it, and "unmapped pages will have their data directly initialized to 0"; "independent of
 * any sysfs setting", "also ignores huge= tmpfs mount"; refused for MADV_NOHUGEPAGE, for a process that must have none, and where no
 * page is "backed by physical memory". Any other failure is a lack of memory or a page that is busy. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "subtests.h"
#include "tmpfs.h"
#include "whole.h"
#include "words.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25                /* Linux 6.1 */
#endif
#ifndef PR_SET_THP_DISABLE
#define PR_SET_THP_DISABLE 41
#endif

enum obstacle { NONE, NOHUGE, DISABLED, EMPTY, OBSTACLES };

struct scene {
	struct stage stage;
	struct whole whole;
	struct rng *rng;
	enum obstacle obstacle;
	struct slot *collapsed, *refused;
};

static unsigned int all_pages(const struct scene *scene)
{
	return scene->stage.thp.pmd_pages;
}

/* small pages, some of them with data */
static bool scatter(struct scene *scene, enum backing backing, uint64_t generation)
{
	struct stage *stage = &scene->stage;
	struct whole *whole = &scene->whole;
	unsigned int one_in = 1 + rng_below(scene->rng, 8), first = rng_below(scene->rng, all_pages(scene));

	whole->backing = backing;
	whole->generation = generation;
	if (!stage_clear(stage) ||
	    (backing == FILE_SHARED && (ftruncate(whole->file, 0) != 0 || ftruncate(whole->file, stage->thp.pmd_bytes) != 0)) ||
	    area_map(stage->run, stage->base, all_pages(scene), PROT_READ | PROT_WRITE, backing == ANON ? MAP_PRIVATE : MAP_SHARED,
		     backing == ANON ? -1 : whole->file, 0) == MAP_FAILED)
		return false;
	if (scene->obstacle == NOHUGE && !run_sabotaged(stage->run, "not-refused"))
		area_advise(stage->run, stage->base, all_pages(scene), MADV_NOHUGEPAGE);
	for (unsigned int i = 0; i < all_pages(scene); i++) {
		whole->piece[i] = (struct piece){ .place = i };
		if (scene->obstacle != EMPTY && (i == first || rng_one_in(scene->rng, one_in)))
			whole_put(whole, i, whole_value(whole, i));
	}
	return true;
}

static int ask(struct scene *scene)
{
	int got, error;

	if (scene->obstacle == DISABLED)
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	got = madvise(scene->stage.base, scene->stage.thp.pmd_bytes, MADV_COLLAPSE);
	error = errno;
	if (scene->obstacle == DISABLED)
		prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	errno = error;
	return got;
}

/* Memory may become scarce right after, and the huge page be split: then it is not so the next time. */
static bool is_huge(struct scene *scene, char *why, size_t size)
{
	struct stage *stage = &scene->stage;
	long huge, all = stage->thp.pmd_bytes / 1024;
	struct stat status;

	/* of a file the entry may be left to the next fault */
	(void)*(volatile uint64_t *)stage->base;
	huge = whole_mapped_huge(&scene->whole, 0, 0, all_pages(scene));
	if (huge < 0 || !view_pages(stage->run, 0, stage->base, all_pages(scene), stage->views))
		return true;
	if (run_sabotaged(stage->run, "not-huge"))
		huge = 0;
	snprintf(why, size, "MADV_COLLAPSE succeeded, and there are %u pages of a huge one, mapped as huge %ld of %ld KiB",
		 view_folio(stage->views, all_pages(scene)), huge, all);
	if (view_folio(stage->views, all_pages(scene)) != all_pages(scene) || huge != all)
		return false;
	if (scene->whole.backing == ANON || fstat(scene->whole.file, &status) != 0)
		return true;
	snprintf(why, size, "a file of one huge page has %ld blocks instead of %ld", (long)status.st_blocks, 2 * all);
	return status.st_blocks == 2 * all;
}

static bool fail(struct scene *scene, const char *why)
{
	static const char *const obstacles[] = { "", ", MADV_NOHUGEPAGE", ", PR_SET_THP_DISABLE", ", no page" };

	run_fail(scene->stage.run, "%s%s: %s", whole_name(scene->whole.backing), obstacles[scene->obstacle], why);
	return false;
}

/* false: enough of it */
static bool check(struct scene *scene, int got, unsigned int *not_huge)
{
	struct stage *stage = &scene->stage;
	int error = errno;
	char why[160];

	if (scene->obstacle != NONE) {
		if (got == 0)
			return fail(scene, "MADV_COLLAPSE succeeded, and must be refused");
		if (!view_pages(stage->run, 0, stage->base, all_pages(scene), stage->views))
			return false;
		if (view_count_huge(stage->views, all_pages(scene)))
			return fail(scene, "a huge page, though MADV_COLLAPSE was refused");
		slot_hit(scene->refused);
	} else if (got != 0 && error != EAGAIN && error != EBUSY && error != ENOMEM) {
		return fail(scene, error_words(error));
	} else if (got == 0 && is_huge(scene, why, sizeof(why))) {
		*not_huge = 0;
		slot_hit(scene->collapsed);
		slot_hit(stage->huge);
		/* "or were already PMD-mapped THPs": it does nothing, successfully */
		if (ask(scene) != 0 && errno != EAGAIN && errno != EBUSY && errno != ENOMEM)
			return fail(scene, "MADV_COLLAPSE of what is a huge page failed");
	} else if (got == 0 && ++*not_huge == TRIES) {
		return fail(scene, why);
	}
	if (run_sabotaged(stage->run, "collapse-torn"))
		scene->whole.piece[0].value = scene->whole.piece[0].or_value ^= 1;
	return whole_holds(&scene->whole, why, sizeof(why)) || fail(scene, why);
}

static void collapse_some(struct worker *worker)
{
	struct scene *scene = worker->arg;
	unsigned int not_huge = 0;

	scene->rng = &worker->rng;
	for (unsigned int turn = 0; worker_continue(worker); turn++) {
		scene->obstacle = turn % 3 ? NONE : turn / 3 % OBSTACLES;
		worker_did(worker);
		/* of a file that is empty, the manual page and kernels say different things */
		if (!scatter(scene, scene->obstacle != EMPTY && rng_one_in(scene->rng, 2) ? FILE_SHARED : ANON, turn))
			return;
		if (!check(scene, ask(scene), &not_huge))
			return;
	}
}

void collapse(struct run *run)
{
	static struct scene scene;
	const struct role role = { .name = "collapser", .body = collapse_some, .count = 1, .arg = &scene };

	scene.whole.stage = &scene.stage;
	scene.whole.file = tmpfs_file(HUGE_NEVER);
	if (scene.whole.file < 0) {
		run_skip(run, "no tmpfs can be mounted: errno %d", errno);
		return;
	}
	if (!stage_begin(&scene.stage, run))
		return;
	/* no length is no work, where the advice is known */
	if (madvise(scene.stage.base, 0, MADV_COLLAPSE) != 0) {
		run_skip(run, "no MADV_COLLAPSE (Linux 6.1): %s", error_words(errno));
		stage_end(&scene.stage);
		return;
	}
	scene.collapsed = run_event(run, SLOT_REQUIRED, "collapsed");
	scene.refused = run_event(run, SLOT_REQUIRED, "refused");
	crew_run(run, &role, 1);
	stage_end(&scene.stage);
}
