// SPDX-License-Identifier: GPL-2.0-only
/* shares: a huge page is shared by a fork, or with a file, or is the one that is all zeroes, until somebody stores to it.
 *
 * Oracles: a load copies nothing; a store is seen by nobody else, and is to a page that is one's own from then on. pagemap and smaps
 * say so: which pages are the file's, which are mapped once, how much is anonymous, whose share of it is how large.
 *
 * Rules: fork(2), "copy-on-write pages"; mmap(2) of MAP_PRIVATE; Documentation/filesystems/proc.rst: "when MAP_PRIVATE and a page is
 * modified, the file page is replaced by a private anonymous copy", "each page is divided by the number of processes sharing it";
 * Documentation/admin-guide/mm/pagemap.rst: bits 56 and 61, ZERO_PAGE; transhuge.rst: use_zero_page. */
#define _GNU_SOURCE
#include <stdio.h>
#include <unistd.h>

#include "subtests.h"
#include "whole.h"

enum { LOAD_ALL = 'l', STORE_PART = 's', LEAVE = 'q' };

struct scene {
	struct stage stage;
	struct whole whole;
	struct view child_views[PMD_PAGES_MAX];
	struct rng *rng;
	unsigned int first, pages;      /* the part that is stored to */
	pid_t child;
	int to_child[2], from_child[2];
	struct slot *forked, *copied, *zeroes;
};

static unsigned int all_pages(const struct scene *scene)
{
	return scene->stage.thp.pmd_pages;
}

static bool in_part(const struct scene *scene, unsigned int page)
{
	return page >= scene->first && page < scene->first + scene->pages;
}

static long kib(unsigned int pages)
{
	return pages * (long)(page_bytes() / 1024);
}

static void store_part(struct scene *scene, uint64_t more)
{
	for (unsigned int i = scene->first; i < scene->first + scene->pages; i++)
		whole_put(&scene->whole, i, whole_value(&scene->whole, i) + more);
}

/* ---- the child: does what it is told, a byte for each order and answer */

static void obey(struct run *run, void *arg)
{
	struct scene *scene = arg;
	char order, why[160];

	close(scene->to_child[1]);
	close(scene->from_child[0]);
	while (read(scene->to_child[0], &order, 1) == 1 && order != LEAVE) {
		if (order == STORE_PART)
			store_part(scene, 1);
		if (!whole_holds(&scene->whole, why, sizeof(why)))
			run_fail(run, "%s, in the child: %s", whole_name(scene->whole.backing), why);
		if (write(scene->from_child[1], &order, 1) != 1)
			break;
	}
}

static bool child_begin(struct scene *scene)
{
	if (pipe(scene->to_child) != 0 || pipe(scene->from_child) != 0) {
		run_fail_errno(scene->stage.run, "pipe");
		return false;
	}
	scene->child = child_start(scene->stage.run, obey, scene);
	close(scene->to_child[0]);
	close(scene->from_child[1]);
	return scene->child > 0;
}

static bool child_does(struct scene *scene, char order)
{
	char answer;

	return write(scene->to_child[1], &order, 1) == 1 && read(scene->from_child[0], &answer, 1) == 1;
}

static void child_end(struct scene *scene)
{
	close(scene->to_child[1]);
	close(scene->from_child[0]);
	child_wait(scene->stage.run, scene->child);
}

/* ---- what is there */

static bool view_both(struct scene *scene)
{
	return view_pages(scene->stage.run, 0, scene->stage.base, all_pages(scene), scene->stage.views) &&
	       view_pages(scene->stage.run, scene->child, scene->stage.base, all_pages(scene), scene->child_views);
}

static bool smaps_of(struct scene *scene, pid_t pid, struct smaps *smaps)
{
	return smaps_read(scene->stage.run, pid, scene->stage.base, stage_page(&scene->stage, all_pages(scene)), smaps);
}

/* Oracle: what was not stored to since the fork is one page of two processes, and no page is two pages at once. */
static bool shared_by_both(void *arg, char *why, size_t size)
{
	struct scene *scene = arg;
	struct smaps own, childs;

	if (!view_both(scene) || !smaps_of(scene, 0, &own) || !smaps_of(scene, scene->child, &childs) || own.kib[SMAPS_SWAP])
		return true;
	if (run_sabotaged(scene->stage.run, "copied-early"))
		scene->child_views[scene->first].frame++;
	for (unsigned int i = 0; i < all_pages(scene); i++) {
		const struct view *view = &scene->stage.views[i], *other = &scene->child_views[i];

		if (view->frame != other->frame || !view->is_present || view->is_exclusive || other->is_exclusive) {
			snprintf(why, size, "page %u is frame %#llx, and %#llx in the child; mapped once: %d, %d", i,
				 (unsigned long long)view->frame, (unsigned long long)other->frame, view->is_exclusive,
				 other->is_exclusive);
			return false;
		}
	}
	snprintf(why, size, "Pss %ld and %ld, Private %ld and %ld, Rss %ld and %ld of %ld KiB", own.kib[SMAPS_PSS], childs.kib[SMAPS_PSS],
		 own.kib[SMAPS_PRIVATE_DIRTY] + own.kib[SMAPS_PRIVATE_CLEAN],
		 childs.kib[SMAPS_PRIVATE_DIRTY] + childs.kib[SMAPS_PRIVATE_CLEAN], own.kib[SMAPS_RSS], childs.kib[SMAPS_RSS],
		 kib(all_pages(scene)));
	return own.kib[SMAPS_RSS] == kib(all_pages(scene)) && childs.kib[SMAPS_RSS] == kib(all_pages(scene)) &&
	       own.kib[SMAPS_PSS] == own.kib[SMAPS_RSS] / 2 && childs.kib[SMAPS_PSS] == childs.kib[SMAPS_RSS] / 2 &&
	       own.kib[SMAPS_PRIVATE_DIRTY] + own.kib[SMAPS_PRIVATE_CLEAN] == 0 &&
	       childs.kib[SMAPS_PRIVATE_DIRTY] + childs.kib[SMAPS_PRIVATE_CLEAN] == 0;
}

/* Oracle: what either stored to is two pages. Each process has all of them, once. */
static bool parted(void *arg, char *why, size_t size)
{
	struct scene *scene = arg;
	struct smaps own, childs;

	if (!view_both(scene) || !smaps_of(scene, 0, &own) || !smaps_of(scene, scene->child, &childs) || own.kib[SMAPS_SWAP])
		return true;
	if (run_sabotaged(scene->stage.run, "copied-not"))
		scene->child_views[scene->first].frame = scene->stage.views[scene->first].frame;
	for (unsigned int i = scene->first; i < scene->first + scene->pages; i++) {
		if (scene->stage.views[i].frame == scene->child_views[i].frame) {
			snprintf(why, size, "page %u was stored to, and is frame %#llx in both", i,
				 (unsigned long long)scene->stage.views[i].frame);
			return false;
		}
	}
	snprintf(why, size, "Rss %ld and %ld, Anonymous %ld and %ld of %ld KiB", own.kib[SMAPS_RSS], childs.kib[SMAPS_RSS],
		 own.kib[SMAPS_ANONYMOUS], childs.kib[SMAPS_ANONYMOUS], kib(all_pages(scene)));
	return own.kib[SMAPS_RSS] == kib(all_pages(scene)) && childs.kib[SMAPS_RSS] == own.kib[SMAPS_RSS] &&
	       own.kib[SMAPS_ANONYMOUS] == own.kib[SMAPS_RSS] && childs.kib[SMAPS_ANONYMOUS] == own.kib[SMAPS_RSS];
}

static bool expect(struct scene *scene, bool (*look)(void *arg, char *why, size_t size), const char *when)
{
	char why[160];

	if (soon(look, scene, why, sizeof(why)) && whole_holds(&scene->whole, why, sizeof(why)))
		return true;
	run_fail(scene->stage.run, "%s, %u pages from %u on, %s: %s", whole_name(scene->whole.backing), scene->pages, scene->first,
		 when, why);
	return false;
}

static bool own_alone(void *arg, char *why, size_t size)
{
	struct scene *scene = arg;
	struct smaps own;

	if (!smaps_of(scene, 0, &own) || own.kib[SMAPS_SWAP])
		return true;
	snprintf(why, size, "Rss %ld, Anonymous %ld of %ld KiB", own.kib[SMAPS_RSS], own.kib[SMAPS_ANONYMOUS], kib(all_pages(scene)));
	return own.kib[SMAPS_RSS] == kib(all_pages(scene)) && own.kib[SMAPS_ANONYMOUS] == own.kib[SMAPS_RSS];
}

/* false: enough of it */
static bool fork_it(struct scene *scene)
{
	bool parent_stores = rng_one_in(scene->rng, 2), good;

	if (!child_begin(scene))
		return false;
	good = expect(scene, shared_by_both, "after fork") && child_does(scene, LOAD_ALL) &&
	       expect(scene, shared_by_both, "after loads");
	if (good && parent_stores)
		store_part(scene, 2);
	else if (good)
		good = child_does(scene, STORE_PART);
	if (good && run_sabotaged(scene->stage.run, "store-seen"))
		*(volatile uint64_t *)stage_page(&scene->stage, scene->first) = 1;
	good = good && expect(scene, parted, parent_stores ? "after the parent's stores" : "after the child's stores") &&
	       child_does(scene, LOAD_ALL);
	child_end(scene);
	if (!good)
		return false;
	store_part(scene, 3);
	slot_hit(scene->forked);
	return expect(scene, own_alone, "after the child's end");
}

/* ---- a private mapping of a file whose pages are huge */

static bool copied_part(void *arg, char *why, size_t size)
{
	struct scene *scene = arg;
	long anon = 0;
	struct smaps own;

	/* "File pages just get unmapped" when a huge entry of theirs is split: Documentation/mm/transhuge.rst */
	for (unsigned int i = 0; i < all_pages(scene); i++)
		(void)*(volatile uint64_t *)stage_page(&scene->stage, i);
	if (!view_pages(scene->stage.run, 0, scene->stage.base, all_pages(scene), scene->stage.views) || !smaps_of(scene, 0, &own) ||
	    own.kib[SMAPS_SWAP])
		return true;
	if (run_sabotaged(scene->stage.run, "file-copied"))
		scene->stage.views[all_pages(scene) / 2].is_file = !scene->stage.views[all_pages(scene) / 2].is_file;
	for (unsigned int i = 0; i < all_pages(scene); i++) {
		bool is_own = scene->whole.piece[i].is_resident;

		anon += is_own;
		if (!scene->stage.views[i].is_present || scene->stage.views[i].is_file == is_own) {
			snprintf(why, size, "page %u: present %d, the file's %d, stored to %d", i, scene->stage.views[i].is_present,
				 scene->stage.views[i].is_file, is_own);
			return false;
		}
	}
	snprintf(why, size, "Rss %ld of %ld KiB, Anonymous %ld of %ld", own.kib[SMAPS_RSS], kib(all_pages(scene)),
		 own.kib[SMAPS_ANONYMOUS], kib(anon));
	return own.kib[SMAPS_RSS] == kib(all_pages(scene)) && own.kib[SMAPS_ANONYMOUS] == kib(anon);
}

/* Oracle: nothing of it is in the file. */
static bool file_is_clean(struct scene *scene)
{
	for (unsigned int i = 0; i < all_pages(scene); i++) {
		uint64_t value = 0;

		if (pread(scene->whole.file, &value, sizeof(value), i * page_bytes()) != sizeof(value) ||
		    value != whole_value(&scene->whole, i)) {
			run_fail(scene->stage.run, "the file has %#llx in page %u, which was only stored to a private copy",
				 (unsigned long long)value, i);
			return false;
		}
	}
	return true;
}

/* false: enough of it */
static bool copy_it(struct scene *scene)
{
	char why[160];

	if (!whole_holds(&scene->whole, why, sizeof(why))) {
		run_fail(scene->stage.run, "private file: %s", why);
		return false;
	}
	if (!expect(scene, copied_part, "only loaded"))
		return false;
	store_part(scene, 1);
	if (run_sabotaged(scene->stage.run, "file-dirty") &&
	    pwrite(scene->whole.file, "x", 1, scene->first * page_bytes()) != 1)
		run_fail_errno(scene->stage.run, "write");
	if (!file_is_clean(scene) || !expect(scene, copied_part, "stored to"))
		return false;
	/* "repopulating the memory contents from the up-to-date contents of the underlying mapped file": madvise(2) of MADV_DONTNEED */
	area_advise(scene->stage.run, stage_page(&scene->stage, scene->first), scene->pages, MADV_DONTNEED);
	for (unsigned int i = scene->first; i < scene->first + scene->pages; i++) {
		scene->whole.piece[i].value = scene->whole.piece[i].or_value = whole_value(&scene->whole, i);
		scene->whole.piece[i].is_resident = false;
	}
	slot_hit(scene->copied);
	if (whole_holds(&scene->whole, why, sizeof(why)))
		return expect(scene, copied_part, "given back");
	run_fail(scene->stage.run, "private file, after MADV_DONTNEED: %s", why);
	return false;
}

/* ---- the huge page of zeroes */

static unsigned int huge_zeroes(struct scene *scene)
{
	unsigned int count = 0;

	if (!view_pages(scene->stage.run, 0, scene->stage.base, all_pages(scene), scene->stage.views))
		return 0;
	for (unsigned int i = 0; i < all_pages(scene); i++)
		count += scene->stage.views[i].is_zero && scene->stage.views[i].is_huge;
	return count;
}

static bool read_fault(struct scene *scene)
{
	struct stage *stage = &scene->stage;

	if (!stage_clear(stage) || area_map(stage->run, stage->base, all_pages(scene), PROT_NONE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return false;
	area_advise(stage->run, stage->base, all_pages(scene), MADV_HUGEPAGE);
	area_protect(stage->run, stage->base, all_pages(scene), PROT_READ | PROT_WRITE);
	(void)*(volatile uint64_t *)stage_page(stage, rng_below(scene->rng, all_pages(scene)));
	scene->whole.backing = ANON;
	for (unsigned int i = 0; i < all_pages(scene); i++)
		scene->whole.piece[i] = (struct piece){ .place = i };
	return true;
}

/* false: enough of it */
static bool zero_it(struct scene *scene)
{
	struct stage *stage = &scene->stage;
	bool is_used = rng_one_in(scene->rng, 2);
	uint64_t missed;
	unsigned int zeroes, copies = 0;
	char why[160];

	if (!thp_turn(&stage->thp, KNOB_ZERO, is_used ? "1" : "0") || !thp_turn(&stage->thp, KNOB_ANON, "madvise"))
		return true;
	missed = thp_vmstat("thp_fault_fallback") + thp_vmstat("thp_zero_page_alloc_failed");
	if (!read_fault(scene))
		return false;
	zeroes = huge_zeroes(scene);
	if (run_sabotaged(stage->run, "zeroes-used"))
		zeroes = is_used ? 0 : all_pages(scene);
	/* "By default kernel tries to use huge, PMD-mappable zero page on read page fault ... to disable huge zero page by writing 0" */
	if (zeroes != (is_used ? all_pages(scene) : 0) &&
	    thp_vmstat("thp_fault_fallback") + thp_vmstat("thp_zero_page_alloc_failed") == missed) {
		run_fail(stage->run, "use_zero_page=%d: %u pages are of the huge page of zeroes", is_used, zeroes);
		return false;
	}
	if (is_used && zeroes)
		slot_hit(scene->zeroes);
	if (whole_holds(&scene->whole, why, sizeof(why))) {
		store_part(scene, 1);
		zeroes = huge_zeroes(scene);
		for (unsigned int i = 0; i < all_pages(scene); i++)
			copies += in_part(scene, i) && stage->views[i].is_zero;
		if (run_sabotaged(stage->run, "zeroes-stored"))
			*(volatile uint64_t *)stage_page(stage, (scene->first + scene->pages) % all_pages(scene)) = 7;
		if (zeroes || copies)
			run_fail(stage->run, "%u pages that were stored to are a page of zeroes, %u in all of the huge one", copies, zeroes);
		else if (whole_holds(&scene->whole, why, sizeof(why)))
			return true;
	}
	run_fail(stage->run, "use_zero_page=%d, %u pages from %u on stored to: %s", is_used, scene->pages, scene->first, why);
	return false;
}

static void share(struct worker *worker)
{
	struct scene *scene = worker->arg;

	scene->rng = &worker->rng;
	for (unsigned int turn = 0; worker_continue(worker); turn++) {
		bool good = true;

		scene->pages = rng_one_in(scene->rng, 2) ? 1 : 1 + rng_below(scene->rng, all_pages(scene) - 1);
		scene->first = rng_below(scene->rng, all_pages(scene) - scene->pages + 1);
		worker_did(worker);
		if (turn % 3 == 0 && whole_make(&scene->whole, ANON, turn))
			good = fork_it(scene);
		else if (turn % 3 == 1 && whole_make(&scene->whole, FILE_PRIVATE, turn))
			good = copy_it(scene);
		else if (turn % 3 == 2)
			good = zero_it(scene);
		if (!good)
			return;
		slot_hit(scene->stage.rounds);
	}
}

void shares(struct run *run)
{
	static struct scene scene;
	const struct role role = { .name = "sharer", .body = share, .count = 1, .arg = &scene };

	if (!whole_begin(&scene.whole, &scene.stage, run))
		return;
	scene.forked = run_event(run, SLOT_REQUIRED, "forked");
	scene.copied = run_event(run, SLOT_REQUIRED, "copied");
	scene.zeroes = run_event(run, SLOT_REQUIRED, "zeroes");
	crew_run(run, &role, 1);
	stage_end(&scene.stage);
}
