// SPDX-License-Identifier: GPL-2.0-only
/* shmem-sizes: which files of tmpfs, memfds and shared anonymous memory have huge pages, of which size, and near their end.
 *
 * Oracles: as of anon-sizes, and: a file has as many blocks as pages, and says which size of reads and writes suits it.
 *
 * The rules are those of Documentation/filesystems/tmpfs.rst (huge=), of Documentation/admin-guide/mm/transhuge.rst ("Hugepages in
 * tmpfs/shmem") and of madvise(2). Of what write(2) does with the settings of single sizes, and of a huge page that only in part
 * is in a file whose instance says "always", they say nothing that could be asked. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kinds.h"
#include "smaps.h"
#include "subtests.h"
#include "tmpfs.h"

#ifndef PR_SET_THP_DISABLE
#define PR_SET_THP_DISABLE 41
#endif
#define TOUCHES 5u

enum object { TMPFS_NEVER, TMPFS_ALWAYS, TMPFS_WITHIN_SIZE, TMPFS_ADVISE, MEMFD, SHARED };      /* the first four as enum huge */
enum way { STORE, WRITE, ALLOCATE };
enum advice { NO_ADVICE, HUGE, NOHUGE };
enum end { LARGE, EDGE };               /* two huge pages; a page less */
enum process { ALLOWED, DISABLED };
enum blocks { NO_MATTER, SMALL_BLOCKS, HUGE_BLOCKS };

struct row {
	const char *top, *pmd, *other;  /* shmem_enabled of all sizes and of single ones; NULL: as it is by default */
	enum object object;
	enum way way;
	enum advice advice;
	enum end end;
	unsigned int block;             /* which of the two huge pages is asked for */
	enum process process;
	enum kind kind;
	enum blocks blocks;
};

static const struct row rows[] = {
	/* "never: Do not allocate huge pages", also where madvise() asks for some */
	{ NULL, NULL, NULL, TMPFS_NEVER, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_SMALL, SMALL_BLOCKS },
	{ NULL, NULL, NULL, TMPFS_NEVER, STORE, HUGE, LARGE, 0, ALLOWED, KIND_SMALL, SMALL_BLOCKS },
	{ NULL, NULL, NULL, TMPFS_NEVER, WRITE, HUGE, LARGE, 0, ALLOWED, KIND_SMALL, SMALL_BLOCKS },
	{ NULL, NULL, NULL, TMPFS_NEVER, ALLOCATE, NO_ADVICE, LARGE, 1, ALLOWED, KIND_SMALL, SMALL_BLOCKS },
	{ "always", NULL, NULL, TMPFS_NEVER, STORE, HUGE, LARGE, 0, ALLOWED, KIND_SMALL, SMALL_BLOCKS },
	/* "always: Attempt to allocate huge page every time a new page is needed" */
	{ NULL, NULL, NULL, TMPFS_ALWAYS, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_PMD, HUGE_BLOCKS },
	{ NULL, NULL, NULL, TMPFS_ALWAYS, STORE, NO_ADVICE, LARGE, 1, ALLOWED, KIND_PMD, HUGE_BLOCKS },
	{ NULL, NULL, NULL, TMPFS_ALWAYS, WRITE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_PMD, HUGE_BLOCKS },
	{ NULL, NULL, NULL, TMPFS_ALWAYS, ALLOCATE, NO_ADVICE, LARGE, 1, ALLOWED, KIND_PMD, HUGE_BLOCKS },
	{ NULL, NULL, NULL, TMPFS_ALWAYS, STORE, NOHUGE, LARGE, 0, ALLOWED, KIND_SMALL, NO_MATTER },
	{ NULL, NULL, NULL, TMPFS_ALWAYS, STORE, HUGE, LARGE, 0, DISABLED, KIND_SMALL, NO_MATTER },
	{ NULL, NULL, NULL, TMPFS_ALWAYS, STORE, NO_ADVICE, LARGE, 1, DISABLED, KIND_SMALL, NO_MATTER },
	/* "advise: Only allocate huge pages if requested with madvise()" */
	{ NULL, NULL, NULL, TMPFS_ADVISE, STORE, HUGE, LARGE, 0, ALLOWED, KIND_PMD, SMALL_BLOCKS },
	{ NULL, NULL, NULL, TMPFS_ADVISE, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_SMALL, SMALL_BLOCKS },
	{ NULL, NULL, NULL, TMPFS_ADVISE, WRITE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_SMALL, SMALL_BLOCKS },
	{ NULL, NULL, NULL, TMPFS_ADVISE, STORE, NOHUGE, LARGE, 0, ALLOWED, KIND_SMALL, SMALL_BLOCKS },
	{ NULL, NULL, NULL, TMPFS_ADVISE, STORE, HUGE, LARGE, 1, DISABLED, KIND_SMALL, SMALL_BLOCKS },
	/* "within_size: Only allocate huge page if it will be fully within i_size. Also respect madvise(2) hints" */
	{ NULL, NULL, NULL, TMPFS_WITHIN_SIZE, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_PMD, HUGE_BLOCKS },
	{ NULL, NULL, NULL, TMPFS_WITHIN_SIZE, STORE, NO_ADVICE, LARGE, 1, ALLOWED, KIND_PMD, HUGE_BLOCKS },
	{ NULL, NULL, NULL, TMPFS_WITHIN_SIZE, STORE, NO_ADVICE, EDGE, 0, ALLOWED, KIND_PMD, HUGE_BLOCKS },
	{ NULL, NULL, NULL, TMPFS_WITHIN_SIZE, STORE, NO_ADVICE, EDGE, 1, ALLOWED, KIND_FITTING, HUGE_BLOCKS },
	{ NULL, NULL, NULL, TMPFS_WITHIN_SIZE, WRITE, NO_ADVICE, EDGE, 0, ALLOWED, KIND_PMD, HUGE_BLOCKS },
	{ NULL, NULL, NULL, TMPFS_WITHIN_SIZE, WRITE, NO_ADVICE, EDGE, 1, ALLOWED, KIND_FITTING, HUGE_BLOCKS },
	{ NULL, NULL, NULL, TMPFS_WITHIN_SIZE, STORE, NOHUGE, LARGE, 0, ALLOWED, KIND_SMALL, NO_MATTER },
	{ NULL, NULL, NULL, TMPFS_WITHIN_SIZE, STORE, HUGE, LARGE, 1, DISABLED, KIND_SMALL, NO_MATTER },
	/* "deny: force the huge option off from all mounts", "force: Force the huge option on for all" */
	{ "deny", NULL, NULL, TMPFS_ALWAYS, STORE, HUGE, LARGE, 0, ALLOWED, KIND_SMALL, SMALL_BLOCKS },
	{ "deny", NULL, NULL, TMPFS_ALWAYS, WRITE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_SMALL, SMALL_BLOCKS },
	{ "deny", NULL, NULL, TMPFS_WITHIN_SIZE, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_SMALL, SMALL_BLOCKS },
	{ "deny", NULL, NULL, TMPFS_ADVISE, STORE, HUGE, LARGE, 0, ALLOWED, KIND_SMALL, SMALL_BLOCKS },
	{ "deny", NULL, NULL, MEMFD, STORE, HUGE, LARGE, 0, ALLOWED, KIND_SMALL, SMALL_BLOCKS },
	{ "deny", "always", NULL, MEMFD, STORE, HUGE, LARGE, 0, ALLOWED, KIND_SMALL, SMALL_BLOCKS },
	{ "deny", NULL, NULL, SHARED, STORE, HUGE, LARGE, 0, ALLOWED, KIND_SMALL, NO_MATTER },
	{ "force", NULL, NULL, TMPFS_NEVER, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_PMD, HUGE_BLOCKS },
	{ "force", NULL, NULL, TMPFS_NEVER, WRITE, NO_ADVICE, LARGE, 1, ALLOWED, KIND_PMD, HUGE_BLOCKS },
	{ "force", NULL, NULL, TMPFS_ADVISE, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_PMD, HUGE_BLOCKS },
	{ "force", NULL, NULL, TMPFS_NEVER, STORE, NO_ADVICE, LARGE, 0, DISABLED, KIND_SMALL, NO_MATTER },
	{ "force", NULL, NULL, TMPFS_NEVER, STORE, NOHUGE, LARGE, 0, ALLOWED, KIND_SMALL, NO_MATTER },
	{ "force", NULL, NULL, MEMFD, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_PMD, HUGE_BLOCKS },
	{ "force", NULL, NULL, SHARED, STORE, NO_ADVICE, LARGE, 1, ALLOWED, KIND_PMD, NO_MATTER },
	/* shmem_enabled says the same of the kernel's own instance, which memfds and shared anonymous memory are from */
	{ "never", NULL, NULL, MEMFD, STORE, HUGE, LARGE, 0, ALLOWED, KIND_SMALL, SMALL_BLOCKS },
	{ "never", NULL, NULL, SHARED, STORE, HUGE, LARGE, 0, ALLOWED, KIND_SMALL, NO_MATTER },
	{ "always", NULL, NULL, MEMFD, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_PMD, HUGE_BLOCKS },
	{ "always", NULL, NULL, MEMFD, WRITE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_PMD, HUGE_BLOCKS },
	{ "always", NULL, NULL, SHARED, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_PMD, NO_MATTER },
	{ "always", NULL, NULL, SHARED, STORE, NOHUGE, LARGE, 0, ALLOWED, KIND_SMALL, NO_MATTER },
	{ "always", NULL, NULL, MEMFD, STORE, NO_ADVICE, LARGE, 0, DISABLED, KIND_SMALL, NO_MATTER },
	{ "advise", NULL, NULL, MEMFD, STORE, HUGE, LARGE, 1, ALLOWED, KIND_PMD, SMALL_BLOCKS },
	{ "advise", NULL, NULL, MEMFD, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_SMALL, SMALL_BLOCKS },
	{ "advise", NULL, NULL, SHARED, STORE, HUGE, LARGE, 0, ALLOWED, KIND_PMD, NO_MATTER },
	{ "advise", NULL, NULL, SHARED, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_SMALL, NO_MATTER },
	{ "within_size", NULL, NULL, MEMFD, STORE, NO_ADVICE, LARGE, 1, ALLOWED, KIND_PMD, HUGE_BLOCKS },
	{ "within_size", NULL, NULL, MEMFD, STORE, NO_ADVICE, EDGE, 0, ALLOWED, KIND_PMD, HUGE_BLOCKS },
	{ "within_size", NULL, NULL, MEMFD, STORE, NO_ADVICE, EDGE, 1, ALLOWED, KIND_FITTING, HUGE_BLOCKS },
	{ "within_size", NULL, NULL, SHARED, STORE, NO_ADVICE, LARGE, 1, ALLOWED, KIND_PMD, NO_MATTER },
	/* hugepages-SIZE/shmem_enabled, which "inherit" alone makes the same as shmem_enabled */
	{ "never", "always", NULL, MEMFD, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_PMD, NO_MATTER },
	{ "never", "always", NULL, SHARED, STORE, NO_ADVICE, LARGE, 1, ALLOWED, KIND_PMD, NO_MATTER },
	{ "never", "always", NULL, SHARED, STORE, NOHUGE, LARGE, 0, ALLOWED, KIND_SMALL, NO_MATTER },
	{ "always", "never", NULL, MEMFD, STORE, HUGE, LARGE, 0, ALLOWED, KIND_SMALL, NO_MATTER },
	{ "always", "never", NULL, SHARED, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_SMALL, NO_MATTER },
	{ "never", "advise", NULL, MEMFD, STORE, HUGE, LARGE, 0, ALLOWED, KIND_PMD, NO_MATTER },
	{ "never", "advise", NULL, MEMFD, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_SMALL, NO_MATTER },
	{ "never", "within_size", NULL, MEMFD, STORE, NO_ADVICE, LARGE, 1, ALLOWED, KIND_PMD, NO_MATTER },
	{ "never", "within_size", NULL, MEMFD, STORE, NO_ADVICE, EDGE, 1, ALLOWED, KIND_FITTING, NO_MATTER },
	{ "never", "never", "always", MEMFD, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_OTHER, NO_MATTER },
	{ "never", "never", "always", SHARED, STORE, NO_ADVICE, LARGE, 1, ALLOWED, KIND_OTHER, NO_MATTER },
	{ "always", "never", "inherit", SHARED, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_OTHER, NO_MATTER },
	{ "never", "never", "inherit", SHARED, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_SMALL, NO_MATTER },
	{ "never", "never", "advise", MEMFD, STORE, HUGE, LARGE, 0, ALLOWED, KIND_OTHER, NO_MATTER },
	{ "never", "never", "advise", MEMFD, STORE, NO_ADVICE, LARGE, 0, ALLOWED, KIND_SMALL, NO_MATTER },
	{ "never", "never", "within_size", MEMFD, STORE, NO_ADVICE, LARGE, 1, ALLOWED, KIND_OTHER, NO_MATTER },
	{ "never", "never", "within_size", MEMFD, STORE, NO_ADVICE, EDGE, 1, ALLOWED, KIND_FITTING, NO_MATTER },
	{ "deny", "never", "always", SHARED, STORE, HUGE, LARGE, 0, ALLOWED, KIND_SMALL, NO_MATTER },
};

struct trial {
	struct stage *stage;
	const struct row *row;
	struct rng *rng;
	int fd;                         /* -1: shared anonymous memory */
	int instance[HUGE_KINDS];       /* a file of each kind of tmpfs: an instance takes long to go */
	unsigned int pages;             /* in the file */
	unsigned int first, count;      /* of the huge page that is asked for, as far as it is in the file */
	struct marks marks;
};

static void describe(const struct row *row, char *text, size_t size)
{
	static const char *const objects[] = { "huge=never", "huge=always", "huge=within_size", "huge=advise", "memfd", "shared anonymous" };
	static const char *const ways[] = { "store", "write", "fallocate" };
	static const char *const advices[] = { "", ", MADV_HUGEPAGE", ", MADV_NOHUGEPAGE" };

	snprintf(text, size, "shmem_enabled=%s/%s/%s, %s, %s%s%s%s", row->top ? row->top : "never", row->pmd ? row->pmd : "inherit",
		 row->other ? row->other : "never", objects[row->object], ways[row->way], advices[row->advice],
		 row->end == EDGE ? ", a page short" : "", row->process == DISABLED ? ", disabled by prctl" : "");
}

/* Since Linux 6.14 a size that inherits "within_size" is allowed where any smaller one fits into the file (shmem_allowable_huge_orders()
 * asks only whether some order does), so that a huge page goes beyond the end: not what is documented, and no patch's fault. */
static bool is_known_wrong(const struct row *row)
{
	struct utsname name;
	int major, minor;

	if (row->kind != KIND_FITTING || row->object != MEMFD || row->pmd)
		return false;
	return uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2 && (major > 6 || (major == 6 && minor >= 14));
}

/* false: this kernel has no such knob or value */
static bool turn_knobs(struct stage *stage, const struct row *row)
{
	const struct thp *thp = &stage->thp;
	const char *top = row->top;
	bool is_forced;

	if (!thp->has_knob[KNOB_SHMEM] || (row->pmd && !thp->has_knob[KNOB_PMD_SHMEM]) ||
	    (row->other && !thp->has_knob[KNOB_SMALL_SHMEM]))
		return false;
	if (row->kind == KIND_SMALL && run_sabotaged(stage->run, "shmem-never-ignored"))
		top = "force";
	/* "force" and an "inherit" of another size refuse each other */
	is_forced = top && strcmp(top, "force") == 0;
	if ((!is_forced && !thp_turn(thp, KNOB_SHMEM, top)) || !thp_turn(thp, KNOB_PMD_SHMEM, row->pmd) ||
	    !thp_turn(thp, KNOB_SMALL_SHMEM, row->other) || !thp_turn(thp, KNOB_SHMEM, top)) {
		run_fail_errno(stage->run, "a knob of huge pages");
		return false;
	}
	return true;
}

static bool open_file(struct trial *trial)
{
	enum object object = trial->row->object;

	trial->fd = object == SHARED ? -1 : object == MEMFD ? memfd_create("sizes", MFD_CLOEXEC) : trial->instance[object];
	if (object == SHARED)
		return true;
	return trial->fd >= 0 && ftruncate(trial->fd, 0) == 0 && ftruncate(trial->fd, trial->pages * page_bytes()) == 0;
}

static bool map(struct trial *trial)
{
	struct stage *stage = trial->stage;
	unsigned int pmd = stage->thp.pmd_pages;
	enum advice advice = trial->row->advice;

	trial->pages = 2 * pmd - (trial->row->end == EDGE && !run_sabotaged(stage->run, "end-ignored"));
	trial->first = trial->row->block * pmd;
	trial->count = trial->row->block && trial->row->end == EDGE ? pmd - 1 : pmd;
	if (!stage_clear(stage))
		return false;
	if (!open_file(trial)) {
		run_fail_errno(stage->run, "a file in memory");
		return false;
	}
	if (area_map(stage->run, stage->base, 2 * pmd, PROT_NONE, MAP_SHARED, trial->fd, 0) == MAP_FAILED)
		return false;
	if ((trial->row->kind == KIND_PMD && run_sabotaged(stage->run, "shmem-huge-refused")) ||
	    (trial->row->kind == KIND_OTHER && run_sabotaged(stage->run, "shmem-other-refused")))
		advice = NOHUGE;
	if (advice != NO_ADVICE)
		area_advise(stage->run, stage->base, 2 * pmd, advice == HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	area_protect(stage->run, stage->base, 2 * pmd, PROT_READ | PROT_WRITE);
	return true;
}

static void put(struct trial *trial, unsigned int page)
{
	off_t at = page * page_bytes() + MARK_WORD * sizeof(uint64_t);
	uint64_t value = marks_value(&trial->marks, page);

	if (trial->row->way != WRITE)
		marks_store(trial->stage, &trial->marks, page);
	else if (marks_add(&trial->marks, page) && pwrite(trial->fd, &value, sizeof(value), at) != sizeof(value))
		run_fail_errno(trial->stage->run, "write to a file of a tmpfs");
}

static void fill(struct trial *trial)
{
	enum kind kind = trial->row->kind;

	trial->marks.count = 0;
	if (trial->row->way == ALLOCATE &&
	    fallocate(trial->fd, 0, trial->first * page_bytes(), trial->count * page_bytes()) != 0)
		run_fail_errno(trial->stage->run, "fallocate");
	if (kind == KIND_OTHER || kind == KIND_FITTING) {
		for (unsigned int i = 0; i < trial->count; i++)
			put(trial, trial->first + i);
	} else {
		for (unsigned int i = 0; i < TOUCHES; i++)
			put(trial, trial->first + rng_below(trial->rng, trial->count));
	}
	/* what was written is not mapped yet; of a file with holes only what there is, so that there are no pages more */
	for (unsigned int i = 0; i < trial->marks.count; i++)
		(void)*(volatile uint64_t *)stage_page(trial->stage, trial->marks.page[i]);
	for (unsigned int i = 0; trial->row->way == ALLOCATE && i < trial->count; i++)
		(void)*(volatile uint64_t *)stage_page(trial->stage, trial->first + i);
}

/* Oracle: smaps, mincore() and stat() agree with what is there. "The most reliable way to get the count [of tmpfs pages] is using df(1)
 * and du(1)": tmpfs.rst. ShmemPmdMapped: proc.rst. mincore(2) on a shared mapping: whether pages are resident, here those of the file,
 * since whoever has no swap leaves them there. */
static bool accounts_agree(void *arg, char *why, size_t size)
{
	static unsigned char in_core[RANGE_PMDS * PMD_PAGES_MAX];
	struct trial *trial = arg;
	struct stage *stage = trial->stage;
	const struct row *row = trial->row;
	long kib = page_bytes() / 1024, resident = 0, huge, blocks = -1;
	unsigned int mapped = 2 * stage->thp.pmd_pages;
	struct smaps smaps;
	struct stat status;
	bool is_eligible = row->kind == KIND_PMD || row->kind == KIND_OTHER;

	if (!smaps_read(stage->run, 0, stage->base, stage_page(stage, mapped), &smaps) || smaps.kib[SMAPS_SWAP])
		return true;
	if (mincore(stage->base, mapped * page_bytes(), in_core) != 0) {
		run_fail_errno(stage->run, "mincore");
		return true;
	}
	for (unsigned int i = 0; i < mapped; i++)
		resident += in_core[i] & 1;
	huge = row->kind == KIND_PMD ? stage->thp.pmd_pages * kib : 0;
	if (trial->fd >= 0 && fstat(trial->fd, &status) == 0)
		blocks = status.st_blocks / 2;
	if (run_sabotaged(stage->run, "blocks-lost"))
		blocks -= kib;
	if (run_sabotaged(stage->run, "shmem-ineligible"))
		smaps.kib[SMAPS_THP_ELIGIBLE] = !smaps.kib[SMAPS_THP_ELIGIBLE];
	snprintf(why, size, "%ld KiB in core, Rss %ld, blocks of %ld KiB, ShmemPmdMapped %ld of %ld, Anonymous %ld, THPeligible %ld",
		 resident * kib, smaps.kib[SMAPS_RSS], blocks, smaps.kib[SMAPS_SHMEM_HUGE], huge, smaps.kib[SMAPS_ANONYMOUS],
		 smaps.kib[SMAPS_THP_ELIGIBLE]);
	if (row->kind == KIND_SMALL && row->way != ALLOCATE &&
	    (resident != (long)trial->marks.count || smaps.kib[SMAPS_RSS] != resident * kib))
		return false;
	/* near the end of a file a kernel may have smaller ones */
	if (row->kind != KIND_FITTING && row->end != EDGE && smaps.kib[SMAPS_THP_ELIGIBLE] != is_eligible)
		return false;
	return smaps.kib[SMAPS_SHMEM_HUGE] == huge && smaps.kib[SMAPS_ANONYMOUS] == 0 && (blocks < 0 || blocks == resident * kib);
}

/* Oracle: "the preferred block size for efficient filesystem I/O", stat(2), is a huge page where write(2) gets one, else a page:
 * "mm: shmem: make stat.st_blksize return huge page size if THP is on", Linux 4.19. */
static bool block_size_agrees(struct trial *trial, char *why, size_t size)
{
	struct stat status;
	size_t expected = trial->row->blocks == HUGE_BLOCKS ? trial->stage->thp.pmd_bytes : page_bytes();

	if (trial->row->blocks == NO_MATTER || fstat(trial->fd, &status) != 0)
		return true;
	if (run_sabotaged(trial->stage->run, "block-size"))
		status.st_blksize *= 2;
	snprintf(why, size, "st_blksize is %ld instead of %zu", (long)status.st_blksize, expected);
	return (size_t)status.st_blksize == expected;
}

static enum judgement attempt(struct trial *trial, char *why, size_t size)
{
	struct stage *stage = trial->stage;
	enum kind kind = trial->row->kind;
	struct thp_counts before;
	enum judgement judged;

	if (!map(trial))
		return JUDGED_NONE_THERE;
	before = thp_count(&stage->thp, THP_SHMEM, kinds_pages(&stage->thp, kind));
	fill(trial);
	if (!view_pages(stage->run, 0, stage->base, 2 * stage->thp.pmd_pages, stage->views))
		return JUDGED_NONE_THERE;
	judged = kinds_judge(stage, kind, THP_SHMEM, trial->first, trial->count, trial->count, &before, why, size);
	if (judged != JUDGED_RIGHT)
		return judged;
	if (!marks_are_all(stage, &trial->marks, trial->first, trial->count, why, size) || !block_size_agrees(trial, why, size))
		return JUDGED_WRONG;
	/* memory may become scarce, and a huge page be split */
	if (!soon(accounts_agree, trial, why, size))
		return kind == KIND_PMD ? JUDGED_MISSING : JUDGED_WRONG;
	if (kind != KIND_SMALL)
		stage_soil(stage, trial->first, trial->count);
	return JUDGED_RIGHT;
}

/* false: enough of it */
static bool try_row(struct worker *worker, struct trial *trial)
{
	struct stage *stage = trial->stage;
	unsigned int tries = 0, missing = 0;
	char why[160], what[160];
	enum judgement judged;

	if (is_known_wrong(trial->row) || !turn_knobs(stage, trial->row) || (trial->row->process == DISABLED && prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0))
		return true;
	do {
		judged = attempt(trial, why, sizeof(why));
		missing += judged == JUDGED_MISSING;
		tries++;
		if (trial->row->object == MEMFD)
			close(trial->fd);
		worker_did(worker);
	} while ((judged == JUDGED_NONE_THERE || judged == JUDGED_MISSING) && tries < TRIES);
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	stage_clear(stage);
	if (judged != JUDGED_WRONG && missing < TRIES)
		return true;
	describe(trial->row, what, sizeof(what));
	run_fail(stage->run, "%s: %s", what, why);
	return false;
}

static void look(struct worker *worker)
{
	struct trial *trial = worker->arg;

	trial->rng = &worker->rng;
	/* a slow machine does not come to the end of them: another seed begins elsewhere */
	for (unsigned int turn = 0, first = rng_below(&worker->rng, COUNT_OF(rows)); worker_continue(worker); turn++) {
		trial->row = &rows[(first + turn) % COUNT_OF(rows)];
		trial->marks.serial = rng_next(&worker->rng) | 1;
		if (!try_row(worker, trial))
			return;
		if (turn % COUNT_OF(rows) == COUNT_OF(rows) - 1)
			slot_hit(trial->stage->rounds);
	}
}

void shmem_sizes(struct run *run)
{
	static struct stage stage;
	static struct trial trial;
	const struct role role = { .name = "looker", .body = look, .count = 1, .arg = &trial };

	trial.stage = &stage;
	for (unsigned int huge = 0; huge < HUGE_KINDS; huge++) {
		trial.instance[huge] = tmpfs_file(huge);
		if (trial.instance[huge] < 0) {
			run_skip(run, "no tmpfs with huge=%s can be mounted: errno %d", huge_name(huge), errno);
			return;
		}
	}
	if (!stage_begin(&stage, run))
		return;
	crew_run(run, &role, 1);
	stage_end(&stage);
}
