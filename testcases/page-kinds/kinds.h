/* SPDX-License-Identifier: GPL-2.0-only */
/* Of which size the pages of a range are, against what its settings say. */
#ifndef KINDS_H
#define KINDS_H

#include "case.h"
#include "thp.h"
#include "view.h"

#define PMD_PAGES_MAX 1024u
#define RANGE_PMDS 3u                   /* address space of a stage, in huge pages */
#define TRIES 6                         /* for memory in one piece */

/* A worker's address space, where a huge page can begin, and what it looks at. */
struct stage {
	struct run *run;
	struct thp thp;
	char *base;                     /* RANGE_PMDS huge pages of it, reserved */
	struct view views[RANGE_PMDS * PMD_PAGES_MAX];
	struct slot *huge, *small, *other, *no_memory, *rounds;
};

/* false: the run is skipped or has failed. Then stage_end() is not called. */
bool stage_begin(struct stage *stage, struct run *run);
void stage_end(struct stage *stage);

/* the reserved space as it was: nothing mapped */
bool stage_clear(struct stage *stage);

static inline char *stage_page(const struct stage *stage, unsigned int page)
{
	return stage->base + page * page_bytes();
}

/* What pages must be. */
enum kind {
	KIND_SMALL,                     /* of no huge page of any size */
	KIND_PMD,                       /* one huge page that one entry can map, where there is memory for it */
	KIND_OTHER,                     /* huge pages of the other size that is enabled, where there is memory for them */
	KIND_FITTING,                   /* of no huge page that goes beyond the end of the file */
	KIND_NOT_PMD,                   /* anything smaller */
};

enum judgement {
	JUDGED_RIGHT,
	JUDGED_NONE_THERE,              /* a huge page was asked for, and there was no memory for it */
	JUDGED_MISSING,                 /* a huge page should be there, and nothing says that there was no memory */
	JUDGED_WRONG,
};

/* Judges the 'count' views of the stage from page 'first' of its space on, where a huge page can begin at the first.
 * 'fitting' is for KIND_FITTING: how many pages there are up to the end of the file, all within. 'before': the counts
 * before the first access. In 'why' is what is wrong. */
enum judgement kinds_judge(struct stage *stage, enum kind kind, enum thp_user user, unsigned int first, unsigned int count,
			   unsigned int fitting, const struct thp_counts *before, char *why, size_t size);

/* the size whose counts tell whether there was memory */
unsigned int kinds_pages(const struct thp *thp, enum kind kind);

/* Pages of the stage that a word was stored to, each once. */
struct marks {
	unsigned int page[RANGE_PMDS * PMD_PAGES_MAX], count;
	uint64_t serial;
};

#define MARK_WORD 1u

/* Notes it; false: it is marked already. What is to be stored is marks_value(). */
bool marks_add(struct marks *marks, unsigned int page);
uint64_t marks_value(const struct marks *marks, unsigned int page);
/* the same, and stores it */
void marks_store(struct stage *stage, struct marks *marks, unsigned int page);

/* Oracle: all that is mapped of these pages is zero but for the marks. A huge page that was cleared in part, or of which a part
 * lies elsewhere than its entry says, is not. The views are those of now. */
bool marks_are_all(struct stage *stage, const struct marks *marks, unsigned int first, unsigned int count, char *why,
		   size_t size);

/* Who gets this memory next has to find it cleared. */
void stage_soil(struct stage *stage, unsigned int first, unsigned int count);

/* Looks again for a while, and says "true" when 'look' does: the kernel takes pages away for a moment, to move them, and
 * what a wrong state is stays. The last 'why' is that of the failure. */
bool soon(bool (*look)(void *arg, char *why, size_t size), void *arg, char *why, size_t size);

#endif
