// SPDX-License-Identifier: GPL-2.0-only
/* parts: something is done to a part of a huge page, or to all of it where no huge page can be.
 *
 * Oracles: each small page keeps what it had, or has what it must have now; of anonymous memory Rss is what is left; no huge entry
 * maps what is no whole huge page any more ("thp_split_pmd is incremented every time a PMD split into table of PTEs. This can
 * happen, for instance, when application calls mprotect() or munmap() on part of huge page": transhuge.rst), and that is counted. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "subtests.h"
#include "whole.h"

#ifndef MADV_COLD
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif

struct scene {
	struct stage stage;
	struct whole whole;
	struct rng *rng;
	unsigned int first, pages;      /* the part */
	bool is_splitting;              /* no huge entry may be left */
	bool is_resident_known;
	long locked_kib;                /* -1: not asked */
	struct slot *split;
};

static char *part(const struct scene *scene)
{
	return stage_page(&scene->stage, scene->first);
}

static size_t part_bytes(const struct scene *scene)
{
	return scene->pages * page_bytes();
}

static unsigned int all_pages(const struct scene *scene)
{
	return scene->stage.thp.pmd_pages;
}

/* Where nothing of it is mapped, with room for all of it; 'aligned': where a huge page can begin */
static unsigned int elsewhere(struct scene *scene, bool aligned)
{
	return all_pages(scene) + (aligned ? 0 : 1 + rng_below(scene->rng, all_pages(scene) - 1));
}

static void forget(struct scene *scene, uint64_t value, uint64_t or_value)
{
	for (unsigned int i = scene->first; i < scene->first + scene->pages; i++) {
		scene->whole.piece[i].value = value ? value : 0;
		scene->whole.piece[i].or_value = or_value;
		scene->whole.piece[i].is_resident = false;
	}
}

static bool check(struct scene *scene, bool done, const char *what)
{
	if (!done)
		run_fail_errno(scene->stage.run, what);
	return done;
}

static bool do_unmap(struct scene *scene)
{
	if (!check(scene, munmap(part(scene), part_bytes(scene)) == 0, "munmap"))
		return false;
	for (unsigned int i = scene->first; i < scene->first + scene->pages; i++)
		scene->whole.piece[i].place = -1;
	return true;
}

static bool do_protect(struct scene *scene)
{
	area_protect(scene->stage.run, part(scene), scene->pages, PROT_READ);
	for (unsigned int i = scene->first; i < scene->first + scene->pages; i++)
		scene->whole.piece[i].is_read_only = true;
	return true;
}

/* "subsequent accesses will succeed, but will result in either repopulating the memory contents from the up-to-date contents of the
 * underlying mapped file or zero-fill-on-demand pages": madvise(2) */
static bool do_discard(struct scene *scene)
{
	area_advise(scene->stage.run, part(scene), scene->pages, MADV_DONTNEED);
	if (scene->whole.backing == ANON)
		forget(scene, 0, 0);
	return true;
}

/* "frees up a given range of pages and its associated backing store", madvise(2) of MADV_REMOVE, so that they are zero */
static bool do_remove(struct scene *scene)
{
	area_advise(scene->stage.run, part(scene), scene->pages, MADV_REMOVE);
	forget(scene, 0, 0);
	return true;
}

/* "The kernel can free these pages, but the freeing could be delayed ... if the caller writes to a page before, the write succeeds" */
static bool do_free(struct scene *scene)
{
	area_advise(scene->stage.run, part(scene), scene->pages, MADV_FREE);
	for (unsigned int i = scene->first; i < scene->first + scene->pages; i++)
		scene->whole.piece[i].or_value = 0;
	for (unsigned int i = scene->first; i < scene->first + scene->pages; i += 1 + rng_below(scene->rng, 4))
		whole_put(&scene->whole, i, whole_value(&scene->whole, i) + 1);
	scene->is_splitting = scene->is_resident_known = false;
	return true;
}

static bool move(struct scene *scene, unsigned int to)
{
	if (!check(scene, mremap(part(scene), part_bytes(scene), part_bytes(scene), MREMAP_MAYMOVE | MREMAP_FIXED,
				 stage_page(&scene->stage, to)) != MAP_FAILED, "mremap"))
		return false;
	for (unsigned int i = 0; i < scene->pages; i++)
		scene->whole.piece[scene->first + i].place = to + i;
	return true;
}

static bool do_move(struct scene *scene)
{
	return move(scene, elsewhere(scene, false));
}

static bool do_move_all(struct scene *scene)
{
	scene->first = 0;
	scene->pages = all_pages(scene);
	return move(scene, elsewhere(scene, false));
}

/* It may stay as it is. */
static bool do_move_aligned(struct scene *scene)
{
	scene->first = 0;
	scene->pages = all_pages(scene);
	scene->is_splitting = false;
	return move(scene, elsewhere(scene, true));
}

static bool do_shrink(struct scene *scene)
{
	if (scene->first == 0)
		scene->first = 1;
	scene->pages = all_pages(scene) - scene->first;
	if (!check(scene, mremap(scene->stage.base, scene->stage.thp.pmd_bytes, scene->first * page_bytes(), 0) != MAP_FAILED,
		   "mremap, to shrink"))
		return false;
	for (unsigned int i = scene->first; i < all_pages(scene); i++)
		scene->whole.piece[i].place = -1;
	return true;
}

static bool do_replace(struct scene *scene)
{
	if (area_map(scene->stage.run, part(scene), scene->pages, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return false;
	area_advise(scene->stage.run, part(scene), scene->pages, MADV_NOHUGEPAGE);
	forget(scene, 0, 0);
	return true;
}

/* "Locked indicates whether the mapping is locked in memory or not": proc.rst. It is the share of locked VMAs. */
static bool do_lock(struct scene *scene)
{
	if (!check(scene, mlock(part(scene), part_bytes(scene)) == 0, "mlock"))
		return false;
	scene->locked_kib = part_bytes(scene) / 1024;
	return true;
}

static bool do_refuse_huge(struct scene *scene)
{
	area_advise(scene->stage.run, part(scene), scene->pages, MADV_NOHUGEPAGE);
	return true;
}

/* What is only marked as cold, or to be written to a swap area that need not be there, has its bytes. */
static bool do_cold(struct scene *scene)
{
	area_advise(scene->stage.run, part(scene), scene->pages, rng_one_in(scene->rng, 2) ? MADV_COLD : MADV_PAGEOUT);
	scene->is_splitting = scene->is_resident_known = false;
	return true;
}

/* Behind the end of a file is SIGBUS; after it has grown again, zeroes: ftruncate(2), mmap(2). */
static bool do_truncate(struct scene *scene)
{
	bool grows = rng_one_in(scene->rng, 2);

	scene->pages = all_pages(scene) - scene->first;
	if (!check(scene, ftruncate(scene->whole.file, scene->first * page_bytes()) == 0 &&
			  (!grows || ftruncate(scene->whole.file, scene->stage.thp.pmd_bytes) == 0), "ftruncate"))
		return false;
	forget(scene, 0, 0);
	for (unsigned int i = scene->first; i < all_pages(scene); i++)
		scene->whole.piece[i].is_gone = !grows;
	return true;
}

static const struct deed {
	const char *name;
	bool (*body)(struct scene *scene);
	bool anon, file;                /* what it can be done to */
	bool is_counted;                /* a huge entry that was there has been split, and that is counted */
} deeds[] = {
	{ "munmap", do_unmap, true, true, true },
	{ "mprotect", do_protect, true, true, true },
	{ "MADV_DONTNEED", do_discard, true, true, true },
	{ "MADV_FREE", do_free, true, false, false },
	{ "MADV_REMOVE", do_remove, false, true, false },
	{ "mremap of a part", do_move, true, true, true },
	{ "mremap of all, askew", do_move_all, true, true, true },
	{ "mremap of all", do_move_aligned, true, true, false },
	{ "mremap to less", do_shrink, true, true, true },
	{ "mmap over a part", do_replace, true, true, true },
	{ "mlock", do_lock, true, true, true },
	{ "MADV_NOHUGEPAGE", do_refuse_huge, true, true, true },
	{ "MADV_COLD or PAGEOUT", do_cold, true, true, false },
	{ "ftruncate", do_truncate, false, true, false },
};

/* Oracle, of everything that is where the huge page was or was moved to */
static bool accounts_agree(void *arg, char *why, size_t size)
{
	struct scene *scene = arg;
	struct stage *stage = &scene->stage;
	long kib = page_bytes() / 1024, resident = 0, huge;
	bool is_anon = scene->whole.backing == ANON;
	struct smaps smaps;

	if (!smaps_read(stage->run, 0, stage->base, stage_page(stage, RANGE_PMDS * stage->thp.pmd_pages), &smaps) ||
	    smaps.kib[SMAPS_SWAP])
		return true;
	for (unsigned int i = 0; i < all_pages(scene); i++)
		resident += scene->whole.piece[i].place >= 0 && scene->whole.piece[i].is_resident;
	huge = is_anon ? smaps.kib[SMAPS_ANON_HUGE] : smaps.kib[SMAPS_SHMEM_HUGE];
	if (run_sabotaged(stage->run, "part-rss"))
		smaps.kib[SMAPS_RSS] += kib;
	if (run_sabotaged(stage->run, "part-locked"))
		smaps.kib[SMAPS_LOCKED] += kib;
	snprintf(why, size, "Rss %ld, Anonymous %ld of %ld KiB, mapped as huge %ld, Locked %ld of %ld", smaps.kib[SMAPS_RSS],
		 smaps.kib[SMAPS_ANONYMOUS], resident * kib, huge, smaps.kib[SMAPS_LOCKED], scene->locked_kib);
	if (scene->is_splitting && huge)
		return false;
	/* "File pages just get unmapped" when a huge entry of theirs is split: Documentation/mm/transhuge.rst. Locked ones come back. */
	if (scene->locked_kib >= 0 && is_anon && smaps.kib[SMAPS_LOCKED] != scene->locked_kib)
		return false;
	if (!is_anon)
		return smaps.kib[SMAPS_ANONYMOUS] == 0 && smaps.kib[SMAPS_RSS] <= (long)all_pages(scene) * kib;
	return !scene->is_resident_known || (smaps.kib[SMAPS_RSS] == resident * kib && smaps.kib[SMAPS_ANONYMOUS] == resident * kib);
}

static void break_it(struct scene *scene)
{
	struct piece *piece = &scene->whole.piece[rng_below(scene->rng, all_pages(scene))];

	if (run_sabotaged(scene->stage.run, "part-lost"))
		piece->value = piece->or_value ^= 1;
	if (run_sabotaged(scene->stage.run, "part-kept"))
		scene->is_splitting = true;
}

/* false: enough of it */
static bool perform(struct scene *scene, const struct deed *deed)
{
	struct stage *stage = &scene->stage;
	uint64_t before = thp_vmstat("thp_split_pmd"), after;
	long all = stage->thp.pmd_bytes / 1024;
	bool was_whole = whole_mapped_huge(&scene->whole, 0, 0, all_pages(scene)) == all;
	char why[160];

	scene->pages = 1 + rng_below(scene->rng, all_pages(scene) - 1);
	scene->first = rng_below(scene->rng, all_pages(scene) - scene->pages + 1);
	scene->is_splitting = scene->is_resident_known = true;
	scene->locked_kib = -1;
	if (!deed->body(scene))
		return false;
	after = run_sabotaged(stage->run, "split-uncounted") ? before : thp_vmstat("thp_split_pmd");
	break_it(scene);
	if (was_whole && deed->is_counted && after == before)
		snprintf(why, sizeof(why), "thp_split_pmd has not moved");
	else if (soon(accounts_agree, scene, why, sizeof(why)) && whole_holds(&scene->whole, why, sizeof(why)))
		return true;
	run_fail(stage->run, "%s of %u pages from %u on, %s: %s", deed->name, scene->pages, scene->first,
		 whole_name(scene->whole.backing), why);
	return false;
}

static void take_parts(struct worker *worker)
{
	struct scene *scene = worker->arg;

	scene->rng = &worker->rng;
	for (unsigned int turn = 0; worker_continue(worker); turn++) {
		const struct deed *deed = &deeds[turn % COUNT_OF(deeds)];

		for (enum backing backing = ANON; backing <= FILE_SHARED; backing++) {
			if (!(backing == ANON ? deed->anon : deed->file))
				continue;
			worker_did(worker);
			if (!whole_make(&scene->whole, backing, turn))
				continue;
			if (!perform(scene, deed))
				return;
			if (deed->is_counted)
				slot_hit(scene->split);
		}
		if (turn % COUNT_OF(deeds) == COUNT_OF(deeds) - 1)
			slot_hit(scene->stage.rounds);
	}
}

void parts(struct run *run)
{
	static struct scene scene;
	const struct role role = { .name = "parter", .body = take_parts, .count = 1, .arg = &scene };

	if (!whole_begin(&scene.whole, &scene.stage, run))
		return;
	scene.split = run_event(run, SLOT_REQUIRED, "split");
	crew_run(run, &role, 1);
	stage_end(&scene.stage);
}
