// SPDX-License-Identifier: GPL-2.0-only
/* counts: small pages of four kinds of mappings are stored to, given back, locked and shared with a child.
 *
 * Oracles: smaps, pagemap, its scan and mincore() say of each page what was done to it, exactly, as long as nothing is swapped out;
 * and the sums are right. From Documentation/filesystems/proc.rst (smaps, smaps_rollup), Documentation/admin-guide/mm/pagemap.rst
 * (bits 56, 61 and 63, PAGEMAP_SCAN), mincore(2), mlock(2), madvise(2). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kinds.h"
#include "smaps.h"
#include "subtests.h"

#define PAGES 48u
#define DEEDS 4u                        /* between two looks */

/* include/uapi/linux/fs.h, Linux 6.7 */
struct scan_region {
	uint64_t start, end, categories;
};
struct scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages, inverted, mask, anyof, returned;
};
#define SCAN _IOWR('f', 16, struct scan)
enum { SCAN_FILE = 1 << 2, SCAN_PRESENT = 1 << 3, SCAN_HUGE = 1 << 6 };

enum mapping { ANON, SHARED_ANON, FILE_SHARED, FILE_PRIVATE, MAPPINGS };

/* what is known of a page of the mapping */
struct known {
	bool is_mapped;
	bool is_own;                    /* it belongs to no file */
	bool is_in_file;                /* or in the memory object: mincore() says so, mapped or not */
	bool is_locked;
	bool is_freed;                  /* by MADV_FREE */
};

struct scene {
	struct run *run;
	struct rng *rng;
	char *base;
	enum mapping mapping;
	struct known known[PAGES];
	struct view views[PAGES];
	bool is_shared;                 /* a child has the same pages */
	struct slot *looked, *forked, *scanned;
};

static const char *mapping_name(enum mapping mapping)
{
	static const char *const names[] = { "anonymous", "shared anonymous", "file", "private file" };

	return names[mapping];
}

static char *page_of(const struct scene *scene, unsigned int page)
{
	return scene->base + page * page_bytes();
}

/* A private file's pages are all loaded first, since a fault may map what is beside it. */
static void load_all(struct scene *scene)
{
	for (unsigned int i = 0; scene->mapping == FILE_PRIVATE && i < PAGES; i++) {
		(void)*(volatile uint64_t *)page_of(scene, i);
		scene->known[i].is_mapped = true;
	}
}

static bool map(struct scene *scene)
{
	bool is_file = scene->mapping == FILE_SHARED || scene->mapping == FILE_PRIVATE;
	bool is_shared = scene->mapping == SHARED_ANON || scene->mapping == FILE_SHARED;
	int file = is_file ? memfd_create("counts", MFD_CLOEXEC) : -1;
	char *got;

	if (is_file && (file < 0 || ftruncate(file, PAGES * page_bytes()) != 0)) {
		run_fail_errno(scene->run, "memfd_create");
		return false;
	}
	for (unsigned int i = 0; i < PAGES; i++) {
		scene->known[i] = (struct known){ .is_in_file = scene->mapping == FILE_PRIVATE };
		if (scene->mapping == FILE_PRIVATE && pwrite(file, "x", 1, i * page_bytes()) != 1)
			run_fail_errno(scene->run, "write");
	}
	got = area_map(scene->run, scene->base, PAGES, PROT_READ | PROT_WRITE, is_shared ? MAP_SHARED : MAP_PRIVATE, file, 0);
	if (file >= 0)
		close(file);
	if (got == MAP_FAILED)
		return false;
	/* fails where the kernel knows of no huge pages, and then is not needed */
	madvise(scene->base, PAGES * page_bytes(), MADV_NOHUGEPAGE);
	load_all(scene);
	return true;
}

static void store(struct scene *scene, unsigned int page)
{
	struct known *known = &scene->known[page];

	*(volatile uint64_t *)page_of(scene, page) = page + 1;
	known->is_mapped = true;
	known->is_own = scene->mapping == ANON || scene->mapping == FILE_PRIVATE;
	known->is_in_file |= !known->is_own;
	known->is_freed = false;
}

static void unlock_all(struct scene *scene)
{
	if (munlock(scene->base, PAGES * page_bytes()) != 0)
		run_fail_errno(scene->run, "munlock");
	for (unsigned int i = 0; i < PAGES; i++)
		scene->known[i].is_locked = false;
}

/* mlock(2): "All pages that contain a part of the specified address range are guaranteed to be resident in RAM when the call returns" */
static void lock(struct scene *scene, unsigned int first, unsigned int count)
{
	if (mlock(page_of(scene, first), count * page_bytes()) != 0) {
		run_fail_errno(scene->run, "mlock");
		return;
	}
	for (unsigned int i = first; i < first + count; i++) {
		scene->known[i].is_locked = scene->known[i].is_mapped = true;
		/* what may be stored to is so at once, where it is private */
		scene->known[i].is_own = scene->mapping == ANON || scene->mapping == FILE_PRIVATE;
		scene->known[i].is_in_file |= !scene->known[i].is_own;
	}
}

/* Locked pages are not given back: EINVAL. */
static void discard(struct scene *scene, unsigned int first, unsigned int count)
{
	unlock_all(scene);
	area_advise(scene->run, page_of(scene, first), count, MADV_DONTNEED);
	for (unsigned int i = first; i < first + count; i++)
		scene->known[i] = (struct known){ .is_in_file = scene->known[i].is_in_file };
	load_all(scene);
}

static void free_lazily(struct scene *scene, unsigned int first, unsigned int count)
{
	unlock_all(scene);
	area_advise(scene->run, page_of(scene, first), count, MADV_FREE);
	for (unsigned int i = first; i < first + count; i++)
		scene->known[i].is_freed = scene->known[i].is_mapped;
}

static void do_something(struct scene *scene)
{
	unsigned int first = rng_below(scene->rng, PAGES), count = 1 + rng_below(scene->rng, PAGES - first);

	switch (rng_below(scene->rng, 8)) {
	case 0:
		discard(scene, first, count);
		break;
	case 1:
		lock(scene, first, count);
		break;
	case 2:
		unlock_all(scene);
		break;
	case 3:
		if (scene->mapping == ANON)
			free_lazily(scene, first, count);
		break;
	default:
		for (unsigned int i = first; i < first + count; i += 1 + rng_below(scene->rng, 3))
			store(scene, i);
	}
}

static bool smaps_agree(struct scene *scene, char *why, size_t size)
{
	long kib = page_bytes() / 1024, rss = 0, own = 0, locked = 0, freed = 0, parts, share;
	struct smaps smaps;

	if (!smaps_read(scene->run, 0, scene->base, page_of(scene, PAGES), &smaps) || smaps.kib[SMAPS_SWAP])
		return true;
	for (unsigned int i = 0; i < PAGES; i++) {
		const struct known *known = &scene->known[i];

		rss += known->is_mapped * kib;
		own += (known->is_mapped && known->is_own) * kib;
		locked += (known->is_mapped && known->is_locked) * kib;
		freed += known->is_freed * kib;
	}
	if (run_sabotaged(scene->run, "count-rss"))
		rss += kib;
	if (run_sabotaged(scene->run, "count-locked"))
		locked += kib;
	if (run_sabotaged(scene->run, "count-own"))
		own += kib;
	share = scene->is_shared ? rss / 2 : rss;
	if (run_sabotaged(scene->run, "count-share"))
		share += kib;
	parts = smaps.kib[SMAPS_SHARED_CLEAN] + smaps.kib[SMAPS_SHARED_DIRTY] + smaps.kib[SMAPS_PRIVATE_CLEAN] +
		smaps.kib[SMAPS_PRIVATE_DIRTY];
	snprintf(why, size, "Rss %ld of %ld, Pss %ld of %ld, Anonymous %ld of %ld, Locked %ld of %ld, LazyFree %ld of %ld, shared and private %ld",
		 smaps.kib[SMAPS_RSS], rss, smaps.kib[SMAPS_PSS], share, smaps.kib[SMAPS_ANONYMOUS], own, smaps.kib[SMAPS_LOCKED], locked,
		 smaps.kib[SMAPS_LAZY_FREE], freed, parts);
	/* "the printed value might be lower than the real value"; what is freed may be gone */
	if (smaps.kib[SMAPS_LAZY_FREE] > freed)
		return false;
	if (freed)
		return smaps.kib[SMAPS_RSS] <= rss && smaps.kib[SMAPS_RSS] >= rss - freed && parts == smaps.kib[SMAPS_RSS];
	return smaps.kib[SMAPS_RSS] == rss && smaps.kib[SMAPS_ANONYMOUS] == own && parts == rss && smaps.kib[SMAPS_PSS] == share &&
	       smaps.kib[SMAPS_SIZE] == (long)PAGES * kib && smaps.kib[SMAPS_ANON_HUGE] == 0 && smaps.kib[SMAPS_SHMEM_HUGE] == 0 &&
	       /* of what is shared it is the share */
	       (scene->is_shared ? smaps.kib[SMAPS_PRIVATE_DIRTY] + smaps.kib[SMAPS_PRIVATE_CLEAN] == 0 :
				   smaps.kib[SMAPS_LOCKED] == locked);
}

static bool pages_agree(struct scene *scene, char *why, size_t size)
{
	unsigned char in_core[PAGES];

	if (!view_pages(scene->run, 0, scene->base, PAGES, scene->views) || mincore(scene->base, PAGES * page_bytes(), in_core) != 0)
		return true;
	for (unsigned int i = 0; i < PAGES; i++) {
		const struct known *known = &scene->known[i];
		const struct view *view = &scene->views[i];
		bool is_in_core = known->is_mapped || known->is_in_file;
		bool is_file = known->is_mapped && !known->is_own;

		if (view->is_swapped || known->is_freed)
			continue;
		if (run_sabotaged(scene->run, "count-core"))
			in_core[i] ^= 1;
		/* what is written to a memfd may be huge where somebody has said so */
		if (view->is_present == known->is_mapped && view->is_file == is_file && (in_core[i] & 1) == is_in_core &&
		    (!view->is_huge || scene->mapping == FILE_PRIVATE) &&
		    (!known->is_mapped || view->is_exclusive == !scene->is_shared))
			continue;
		snprintf(why, size, "page %u: present %d of %d, file's %d of %d, in core %d of %d, mapped once %d, huge %d", i, view->is_present,
			 known->is_mapped, view->is_file, is_file, in_core[i] & 1, is_in_core, view->is_exclusive, view->is_huge);
		return false;
	}
	return true;
}

/* Oracle: the ranges that a scan gives are those of the pages, and each has all of the categories asked for. */
static bool scan_agrees(struct scene *scene, char *why, size_t size)
{
	struct scan_region regions[PAGES];
	struct scan scan = {
		.size = sizeof(scan), .start = (uintptr_t)scene->base, .end = (uintptr_t)page_of(scene, PAGES),
		.vec = (uintptr_t)regions, .vec_len = PAGES, .mask = SCAN_PRESENT, .returned = SCAN_PRESENT | SCAN_FILE | SCAN_HUGE,
	};
	int map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), got = map < 0 ? -1 : ioctl(map, SCAN, &scan);
	bool seen[PAGES] = { false }, is_file[PAGES] = { false };

	if (map >= 0)
		close(map);
	if (got < 0)
		return true;
	slot_hit(scene->scanned);
	for (int i = 0; i < got; i++) {
		for (uint64_t at = regions[i].start; at < regions[i].end; at += page_bytes()) {
			unsigned int page = (at - (uintptr_t)scene->base) / page_bytes();

			if (page >= PAGES || !(regions[i].categories & SCAN_PRESENT) || regions[i].categories & SCAN_HUGE) {
				snprintf(why, size, "a scan gives page %u as %#llx", page, (unsigned long long)regions[i].categories);
				return false;
			}
			seen[page] = true;
			is_file[page] = regions[i].categories & SCAN_FILE;
		}
	}
	if (run_sabotaged(scene->run, "count-scan"))
		seen[0] = !seen[0];
	for (unsigned int i = 0; i < PAGES; i++) {
		const struct known *known = &scene->known[i];

		if (known->is_freed || scene->views[i].is_swapped)
			continue;
		if (seen[i] != known->is_mapped || is_file[i] != (known->is_mapped && !known->is_own)) {
			snprintf(why, size, "a scan gives page %u as present %d, file's %d", i, seen[i], is_file[i]);
			return false;
		}
	}
	return true;
}

static bool all_agree(void *arg, char *why, size_t size)
{
	struct scene *scene = arg;

	return smaps_agree(scene, why, size) && pages_agree(scene, why, size) && scan_agrees(scene, why, size);
}

/* Oracle: "the same fields as smaps, but their values are the sums of the corresponding values for all mappings of the process". Each
 * mapping's Pss is rounded down by itself. */
static bool rollup_agrees(void *arg, char *why, size_t size)
{
	struct scene *scene = arg;
	struct smaps all, rollup;

	if (!smaps_read_all(scene->run, 0, &all) || !smaps_read_rollup(scene->run, 0, &rollup))
		return true;
	if (run_sabotaged(scene->run, "count-sum"))
		rollup.kib[SMAPS_RSS]++;
	for (int field = SMAPS_RSS; field < SMAPS_THP_ELIGIBLE; field++) {
		bool is_share = field == SMAPS_PSS || field == SMAPS_LOCKED;
		long more = rollup.kib[field] - all.kib[field];

		if (rollup.kib[field] < 0 || (more >= 0 && more <= (is_share ? (long)all.vmas : 0)))
			continue;
		snprintf(why, size, "smaps_rollup: %s %ld, and %ld in all mappings", smaps_name(field), rollup.kib[field], all.kib[field]);
		return false;
	}
	return true;
}

/* false: enough of it */
static bool look(struct scene *scene, const char *when)
{
	char why[200];

	if (soon(all_agree, scene, why, sizeof(why))) {
		slot_hit(scene->looked);
		return true;
	}
	run_fail(scene->run, "%s%s: %s", mapping_name(scene->mapping), when, why);
	return false;
}

struct wait {
	int fd[2];
};

/* has what the parent had until that closes the pipe */
static void stay(struct run *run, void *arg)
{
	struct wait *wait = arg;
	char byte;

	(void)run;
	close(wait->fd[1]);
	while (read(wait->fd[0], &byte, 1) < 0 && errno == EINTR)
		;
}

/* Only of anonymous memory are the entries copied, for all other a child may fault them in again. */
static bool look_while_shared(struct scene *scene)
{
	struct wait wait;
	bool good;
	pid_t child;

	unlock_all(scene);
	/* what was freed lazily may be gone */
	for (unsigned int i = 0; i < PAGES; i++)
		if (scene->known[i].is_freed)
			store(scene, i);
	if (pipe(wait.fd) != 0) {
		run_fail_errno(scene->run, "pipe");
		return false;
	}
	child = child_start(scene->run, stay, &wait);
	close(wait.fd[0]);
	if (child < 0) {
		close(wait.fd[1]);
		return false;
	}
	/* A constant, and not "child > 0": the compiler makes "setg" to this page, which the fork has write-protected, and a jump by the
	 * same flags. Under QEMU 7.2's TCG the jump went wrong then, as if the fault of the store had lost them (not isolated). */
	scene->is_shared = true;
	good = look(scene, ", shared with a child");
	close(wait.fd[1]);
	child_wait(scene->run, child);
	scene->is_shared = false;
	slot_hit(scene->forked);
	return good && look(scene, ", after the child's end");
}

static void count(struct worker *worker)
{
	struct scene *scene = worker->arg;
	char why[160];

	scene->rng = &worker->rng;
	for (unsigned int turn = 0; worker_continue(worker); turn++) {
		scene->mapping = turn % MAPPINGS;
		if (!map(scene) || !look(scene, ", new"))
			return;
		for (unsigned int i = 0; i < DEEDS; i++) {
			do_something(scene);
			worker_did(worker);
			if (!look(scene, ""))
				return;
		}
		if (scene->mapping == ANON && !look_while_shared(scene))
			return;
		if (!soon(rollup_agrees, scene, why, sizeof(why))) {
			run_fail(scene->run, "%s", why);
			return;
		}
	}
}

void counts(struct run *run)
{
	static struct scene scene;
	const struct role role = { .name = "counter", .body = count, .count = 1, .arg = &scene };

	if (!view_open(run))
		return;
	scene = (struct scene){ .run = run, .base = area_reserve(run, PAGES) };
	if (!scene.base)
		return;
	scene.looked = run_event(run, SLOT_REQUIRED, "looked");
	scene.forked = run_event(run, SLOT_REQUIRED, "forked");
	scene.scanned = run_event(run, SLOT_EVENT, "scanned");
	crew_run(run, &role, 1);
}
