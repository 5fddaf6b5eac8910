// SPDX-License-Identifier: GPL-2.0-only
/* anon-sizes: which anonymous memory has huge pages, and of which size.
 *
 * Oracles: what is not allowed never is (kinds.c); what is allowed and asked for is, where there was memory; the counts of
 * huge pages, AnonHugePages, Rss and THPeligible say so; a new page is zero but for what was stored to it.
 *
 * The rules are those of Documentation/admin-guide/mm/transhuge.rst ("Global THP controls", "process THP controls") and of
 * madvise(2): "MADV_NOHUGEPAGE ensures that memory in the address range will not be backed by transparent hugepages", "The kernel
 * will also allocate huge pages directly when the region is naturally aligned to the huge page size". */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/prctl.h>

#include "kinds.h"
#include "smaps.h"
#include "subtests.h"

#ifndef PR_SET_THP_DISABLE
#define PR_SET_THP_DISABLE 41
#endif
#define EXCEPT_ADVISED 2ul              /* PR_THP_DISABLE_EXCEPT_ADVISED: Linux 6.18 */
#define TOUCHES 5u

enum shape {
	WHOLE,                          /* just where a huge page can be */
	INSIDE,                         /* one can be in its middle */
	OFFSET,                         /* as large as one, but where none can be */
	SHORT,                          /* a page less than one */
};
enum advice { NO_ADVICE, HUGE, NOHUGE };
enum process { ALLOWED, DISABLED, ADVISED_ONLY };

struct row {
	const char *top, *pmd, *other;  /* what the knobs say; NULL: never for other sizes, inherit for the PMD's */
	enum advice advice;
	enum shape shape;
	enum process process;
	enum kind kind;
};

static const struct row rows[] = {
	{ "always", NULL, NULL, NO_ADVICE, WHOLE, ALLOWED, KIND_PMD },
	{ "always", NULL, NULL, NO_ADVICE, INSIDE, ALLOWED, KIND_PMD },
	{ "always", NULL, NULL, NO_ADVICE, OFFSET, ALLOWED, KIND_SMALL },
	{ "always", NULL, NULL, HUGE, SHORT, ALLOWED, KIND_SMALL },
	{ "always", NULL, NULL, HUGE, WHOLE, ALLOWED, KIND_PMD },
	{ "always", NULL, NULL, NOHUGE, WHOLE, ALLOWED, KIND_SMALL },
	{ "always", NULL, NULL, NO_ADVICE, WHOLE, DISABLED, KIND_SMALL },
	{ "always", NULL, NULL, HUGE, WHOLE, DISABLED, KIND_SMALL },
	{ "always", NULL, NULL, NO_ADVICE, WHOLE, ADVISED_ONLY, KIND_SMALL },
	{ "always", NULL, NULL, HUGE, WHOLE, ADVISED_ONLY, KIND_PMD },
	{ "madvise", NULL, NULL, HUGE, WHOLE, ADVISED_ONLY, KIND_PMD },
	{ "madvise", NULL, NULL, NO_ADVICE, WHOLE, ALLOWED, KIND_SMALL },
	{ "madvise", NULL, NULL, HUGE, WHOLE, ALLOWED, KIND_PMD },
	{ "madvise", NULL, NULL, HUGE, INSIDE, ALLOWED, KIND_PMD },
	{ "madvise", NULL, NULL, HUGE, OFFSET, ALLOWED, KIND_SMALL },
	{ "madvise", NULL, NULL, NOHUGE, WHOLE, ALLOWED, KIND_SMALL },
	{ "madvise", NULL, NULL, HUGE, WHOLE, DISABLED, KIND_SMALL },
	{ "never", NULL, NULL, NO_ADVICE, WHOLE, ALLOWED, KIND_SMALL },
	{ "never", NULL, NULL, HUGE, WHOLE, ALLOWED, KIND_SMALL },
	{ "never", "always", NULL, NO_ADVICE, WHOLE, ALLOWED, KIND_PMD },
	{ "never", "always", NULL, NOHUGE, WHOLE, ALLOWED, KIND_SMALL },
	{ "never", "madvise", NULL, NO_ADVICE, WHOLE, ALLOWED, KIND_SMALL },
	{ "never", "madvise", NULL, HUGE, WHOLE, ALLOWED, KIND_PMD },
	{ "always", "madvise", NULL, NO_ADVICE, WHOLE, ALLOWED, KIND_SMALL },
	{ "always", "never", NULL, HUGE, WHOLE, ALLOWED, KIND_SMALL },
	{ "always", "never", NULL, NO_ADVICE, WHOLE, ALLOWED, KIND_SMALL },
	{ "never", "never", "always", NO_ADVICE, WHOLE, ALLOWED, KIND_OTHER },
	{ "always", "never", "inherit", NO_ADVICE, WHOLE, ALLOWED, KIND_OTHER },
	{ "madvise", "never", "inherit", HUGE, WHOLE, ALLOWED, KIND_OTHER },
	{ "madvise", "never", "inherit", NO_ADVICE, WHOLE, ALLOWED, KIND_SMALL },
	{ "never", "never", "madvise", HUGE, WHOLE, ALLOWED, KIND_OTHER },
	{ "never", "never", "madvise", NO_ADVICE, WHOLE, ALLOWED, KIND_SMALL },
	{ "never", "never", "always", NOHUGE, WHOLE, ALLOWED, KIND_SMALL },
	{ "never", "never", "always", NO_ADVICE, WHOLE, DISABLED, KIND_SMALL },
	{ "always", "always", "never", NO_ADVICE, WHOLE, ALLOWED, KIND_PMD },
};

/* one try of one row */
struct trial {
	struct stage *stage;
	const struct row *row;
	struct rng *rng;
	unsigned int first, pages;      /* of the stage's space */
	unsigned int block;             /* where a huge page is expected, if any is */
	unsigned int block_pages;
	struct marks marks;
};

static void describe(const struct row *row, char *text, size_t size)
{
	static const char *const advices[] = { "no advice", "MADV_HUGEPAGE", "MADV_NOHUGEPAGE" };
	static const char *const shapes[] = { "aligned", "one inside", "askew", "a page short" };
	static const char *const processes[] = { "", ", disabled by prctl", ", prctl except advised" };

	snprintf(text, size, "enabled=%s, PMD size %s, other size %s, %s, %s%s", row->top, row->pmd ? row->pmd : "inherit",
		 row->other ? row->other : "never", advices[row->advice], shapes[row->shape], processes[row->process]);
}

/* false: this kernel has no such knob */
static bool turn_knobs(struct stage *stage, const struct row *row)
{
	const struct thp *thp = &stage->thp;
	const char *top = run_sabotaged(stage->run, "never-ignored") ? "always" : row->top;

	if ((row->pmd && !thp->has_knob[KNOB_PMD_ANON]) || (row->other && !thp->has_knob[KNOB_SMALL_ANON]))
		return false;
	if (!thp_turn(thp, KNOB_ANON, top) || !thp_turn(thp, KNOB_PMD_ANON, row->pmd) ||
	    !thp_turn(thp, KNOB_SMALL_ANON, row->other)) {
		run_fail_errno(stage->run, "a knob of huge pages");
		return false;
	}
	return true;
}

static bool set_process(const struct row *row)
{
	if (row->process == ALLOWED)
		return true;
	return prctl(PR_SET_THP_DISABLE, 1, row->process == ADVISED_ONLY ? EXCEPT_ADVISED : 0, 0, 0) == 0;
}

static bool map(struct trial *trial)
{
	struct stage *stage = trial->stage;
	unsigned int pmd = stage->thp.pmd_pages;
	static const struct { unsigned int halves, length; int less; } shapes[] = {
		[WHOLE] = { 0, 2, 0 }, [INSIDE] = { 1, 4, 0 }, [OFFSET] = { 1, 2, 0 }, [SHORT] = { 0, 2, 1 },
	};
	enum advice advice = trial->row->advice;
	void *at;

	trial->first = shapes[trial->row->shape].halves * pmd / 2;
	trial->pages = shapes[trial->row->shape].length * pmd / 2 - shapes[trial->row->shape].less;
	trial->block = trial->row->shape == INSIDE ? pmd : trial->first;
	trial->block_pages = trial->row->shape == INSIDE ? pmd : trial->pages;
	at = stage_page(stage, trial->first);
	if (!stage_clear(stage) || area_map(stage->run, at, trial->pages, PROT_NONE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return false;
	if (trial->row->kind == KIND_PMD && run_sabotaged(stage->run, "huge-refused"))
		advice = NOHUGE;
	if (trial->row->kind == KIND_OTHER && run_sabotaged(stage->run, "other-refused"))
		advice = NOHUGE;
	if (advice != NO_ADVICE)
		area_advise(stage->run, at, trial->pages, advice == HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	area_protect(stage->run, at, trial->pages, PROT_READ | PROT_WRITE);
	return true;
}

static void touch_some(struct trial *trial)
{
	trial->marks.count = 0;
	if (trial->row->kind == KIND_OTHER) {
		for (unsigned int i = 0; i < trial->block_pages; i++)
			marks_store(trial->stage, &trial->marks, trial->block + i);
		return;
	}
	for (unsigned int i = 0; i < TOUCHES; i++)
		marks_store(trial->stage, &trial->marks, trial->block + rng_below(trial->rng, trial->block_pages));
	marks_store(trial->stage, &trial->marks, trial->block);
	marks_store(trial->stage, &trial->marks, trial->block + trial->block_pages - 1);
}

/* Oracle: smaps agrees. "Rss: the amount of the mapping that is currently resident in RAM"; "AnonHugePages only applies to
 * PMD-sized THP"; "THPeligible: eligible for allocating naturally aligned THP pages of any currently enabled size". */
static bool smaps_agree(void *arg, char *why, size_t size)
{
	struct trial *trial = arg;
	struct stage *stage = trial->stage;
	long kib = page_bytes() / 1024, present, huge;
	char *at = stage_page(stage, trial->first);
	struct smaps smaps;

	if (!smaps_read(stage->run, 0, at, at + trial->pages * page_bytes(), &smaps) ||
	    !view_pages(stage->run, 0, at, trial->pages, &stage->views[trial->first]))
		return true;
	present = view_count_present(&stage->views[trial->first], trial->pages) * kib;
	huge = trial->row->kind == KIND_PMD ? stage->thp.pmd_pages * kib : 0;
	if (run_sabotaged(stage->run, "rss-lost"))
		smaps.kib[SMAPS_RSS] -= kib;
	if (run_sabotaged(stage->run, "ineligible"))
		smaps.kib[SMAPS_THP_ELIGIBLE] = !smaps.kib[SMAPS_THP_ELIGIBLE];
	if (trial->row->kind == KIND_SMALL)
		present = trial->marks.count * kib;
	snprintf(why, size, "Rss %ld of %ld KiB, Anonymous %ld, AnonHugePages %ld of %ld, THPeligible %ld", smaps.kib[SMAPS_RSS], present,
		 smaps.kib[SMAPS_ANONYMOUS], smaps.kib[SMAPS_ANON_HUGE], huge, smaps.kib[SMAPS_THP_ELIGIBLE]);
	if (smaps.kib[SMAPS_SWAP])
		return true;
	return smaps.kib[SMAPS_RSS] == present && smaps.kib[SMAPS_ANONYMOUS] == present && smaps.kib[SMAPS_ANON_HUGE] == huge &&
	       smaps.kib[SMAPS_THP_ELIGIBLE] == (trial->row->kind != KIND_SMALL);
}

static enum judgement attempt(struct trial *trial, char *why, size_t size)
{
	struct stage *stage = trial->stage;
	struct thp_counts before;
	enum judgement judged;

	if (!map(trial))
		return JUDGED_NONE_THERE;
	before = thp_count(&stage->thp, THP_ANON, kinds_pages(&stage->thp, trial->row->kind));
	touch_some(trial);
	if (!view_pages(stage->run, 0, stage_page(stage, trial->first), trial->pages, &stage->views[trial->first]))
		return JUDGED_NONE_THERE;
	judged = kinds_judge(stage, trial->row->kind, THP_ANON, trial->block, trial->block_pages, 0, &before, why, size);
	if (judged != JUDGED_RIGHT)
		return judged;
	if (!marks_are_all(stage, &trial->marks, trial->block, trial->block_pages, why, size))
		return JUDGED_WRONG;
	/* memory may become scarce, and a huge page be split */
	if (!soon(smaps_agree, trial, why, size))
		return trial->row->kind == KIND_SMALL ? JUDGED_WRONG : JUDGED_MISSING;
	if (trial->row->kind != KIND_SMALL)
		stage_soil(stage, trial->block, trial->block_pages);
	return JUDGED_RIGHT;
}

/* false: enough of it */
static bool try_row(struct worker *worker, struct trial *trial)
{
	struct stage *stage = trial->stage;
	unsigned int tries = 0, missing = 0;
	char why[160], what[160];
	enum judgement judged;

	if (!turn_knobs(stage, trial->row) || !set_process(trial->row))
		return true;
	do {
		judged = attempt(trial, why, sizeof(why));
		missing += judged == JUDGED_MISSING;
		tries++;
		worker_did(worker);
	} while ((judged == JUDGED_NONE_THERE || judged == JUDGED_MISSING) && tries < TRIES);
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	if (judged != JUDGED_WRONG && missing < TRIES)
		return true;
	describe(trial->row, what, sizeof(what));
	run_fail(stage->run, "%s: %s", what, why);
	return false;
}

static void look(struct worker *worker)
{
	static struct trial trial;

	trial = (struct trial){ .stage = worker->arg, .rng = &worker->rng };
	/* a slow machine does not come to the end of them: another seed begins elsewhere */
	for (unsigned int turn = 0, first = rng_below(&worker->rng, COUNT_OF(rows)); worker_continue(worker); turn++) {
		trial.row = &rows[(first + turn) % COUNT_OF(rows)];
		trial.marks.serial = rng_next(&worker->rng) | 1;
		if (!try_row(worker, &trial))
			return;
		if (turn % COUNT_OF(rows) == COUNT_OF(rows) - 1)
			slot_hit(trial.stage->rounds);
	}
}

void anon_sizes(struct run *run)
{
	static struct stage stage;
	const struct role role = { .name = "looker", .body = look, .count = 1, .arg = &stage };

	if (!stage_begin(&stage, run))
		return;
	crew_run(run, &role, 1);
	stage_end(&stage);
}
