// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "kinds.h"

#include <stdio.h>
#include <string.h>

#define LOOKS 20                        /* some 100 ms in all */
#define LOOK_AGAIN_MS 5

bool stage_begin(struct stage *stage, struct run *run)
{
	char *reserved;
	size_t bytes;

	*stage = (struct stage){ .run = run };
	if (!view_open(run) || !thp_begin(run, &stage->thp))
		return false;
	bytes = stage->thp.pmd_bytes;
	reserved = stage->thp.pmd_pages > PMD_PAGES_MAX ? NULL : area_reserve(run, (RANGE_PMDS + 1) * stage->thp.pmd_pages);
	if (!reserved) {
		thp_end();
		return false;
	}
	stage->base = reserved + (bytes - (uintptr_t)reserved % bytes) % bytes;
	stage->huge = run_event(run, SLOT_REQUIRED, "huge");
	stage->small = run_event(run, SLOT_EVENT, "small");
	stage->other = run_event(run, SLOT_EVENT, "other_size");
	stage->no_memory = run_event(run, SLOT_EVENT, "no_memory");
	stage->rounds = run_event(run, SLOT_EVENT, "rounds");
	return true;
}

void stage_end(struct stage *stage)
{
	(void)stage;
	thp_end();
}

bool stage_clear(struct stage *stage)
{
	return area_map(stage->run, stage->base, RANGE_PMDS * stage->thp.pmd_pages, PROT_NONE,
			MAP_PRIVATE | MAP_NORESERVE, -1, 0) != MAP_FAILED;
}

unsigned int kinds_pages(const struct thp *thp, enum kind kind)
{
	return kind == KIND_OTHER ? thp->small_pages : thp->pmd_pages;
}

bool soon(bool (*look)(void *arg, char *why, size_t size), void *arg, char *why, size_t size)
{
	for (int i = 0; i < LOOKS; i++) {
		if (look(arg, why, size))
			return true;
		clock_sleep_ms(LOOK_AGAIN_MS);
	}
	return false;
}

/* Every huge page is of 'pages' small ones, and begins in memory and in the address space where a multiple of that does.
 * 'all': there is nothing else where there is a page at all. */
static bool has_size(const struct stage *stage, unsigned int first, unsigned int count, unsigned int pages, bool all)
{
	const struct view *views = &stage->views[first];

	for (unsigned int i = 0; i < count;) {
		unsigned int n = view_folio(&views[i], count - i);

		if (!views[i].is_present || (n == 1 && !all)) {
			i++;
			continue;
		}
		if (n != pages || i % pages || views[i].frame % pages)
			return false;
		i += n;
	}
	return true;
}

static bool goes_beyond(const struct stage *stage, unsigned int first, unsigned int count, unsigned int fitting)
{
	const struct view *views = &stage->views[first];

	/* What is behind the end is not mapped, so a huge page that goes beyond it is seen by its last page that is: the page frame
	 * numbers of huge pages begin at multiples of their size, and what follows would be its, too. */
	if (fitting < count)
		count = fitting;
	for (unsigned int i = 0; i < count; i++) {
		unsigned int n = view_folio(&views[i], count - i);

		/* a huge page of which all that is mapped is not a power of two */
		if (n > 1 && (n & (n - 1)))
			return true;
		if (n > 1)
			i += n - 1;
	}
	return false;
}

static enum judgement missing(struct stage *stage, enum thp_user user, enum kind kind, const struct thp_counts *before,
			      char *why, size_t size)
{
	struct thp_counts now = thp_count(&stage->thp, user, kinds_pages(&stage->thp, kind));

	if (now.missed != before->missed) {
		slot_hit(stage->no_memory);
		return JUDGED_NONE_THERE;
	}
	snprintf(why, size, "no huge page of %u small ones, and no word that there was no memory for it",
		 kinds_pages(&stage->thp, kind));
	return JUDGED_MISSING;
}

/* "incremented every time a huge page is successfully allocated": transhuge.rst of all four counters */
static bool is_counted(struct stage *stage, enum thp_user user, enum kind kind, const struct thp_counts *before,
		       uint64_t made, char *why, size_t size)
{
	struct thp_counts now = thp_count(&stage->thp, user, kinds_pages(&stage->thp, kind));

	if (run_sabotaged(stage->run, "uncounted"))
		now = *before;
	if (now.made - before->made >= made && (!now.has_size || now.made_of_size - before->made_of_size >= made))
		return true;
	snprintf(why, size, "%llu huge pages of %u small ones were made, and %llu counted",
		 (unsigned long long)made, kinds_pages(&stage->thp, kind), (unsigned long long)(now.made - before->made));
	return false;
}

enum judgement kinds_judge(struct stage *stage, enum kind kind, enum thp_user user, unsigned int first, unsigned int count,
			   unsigned int fitting, const struct thp_counts *before, char *why, size_t size)
{
	const struct thp *thp = &stage->thp;
	const struct view *views = &stage->views[first];
	unsigned int huge = view_count_huge(views, count);

	switch (kind) {
	case KIND_SMALL:
		if (huge) {
			snprintf(why, size, "%u pages are part of a huge page, where there must be none", huge);
			return JUDGED_WRONG;
		}
		slot_hit(stage->small);
		return JUDGED_RIGHT;
	case KIND_NOT_PMD:
		if (view_folio(views, count) >= thp->pmd_pages) {
			snprintf(why, size, "a huge page of %u small ones, where there must be none", thp->pmd_pages);
			return JUDGED_WRONG;
		}
		return JUDGED_RIGHT;
	case KIND_FITTING:
		if (view_folio(views, count) >= thp->pmd_pages || goes_beyond(stage, first, count, fitting)) {
			snprintf(why, size, "a huge page goes beyond the end of the file, which has %u pages from its beginning on",
				 fitting);
			return JUDGED_WRONG;
		}
		return JUDGED_RIGHT;
	case KIND_OTHER:
		if (!has_size(stage, first, count, thp->small_pages, false)) {
			snprintf(why, size, "a huge page of another size than the one that is enabled, or not in its place");
			return JUDGED_WRONG;
		}
		if (!has_size(stage, first, count, thp->small_pages, true))
			return missing(stage, user, kind, before, why, size);
		if (!is_counted(stage, user, kind, before, view_count_present(views, count) / thp->small_pages, why, size))
			return JUDGED_WRONG;
		slot_hit(stage->other);
		return JUDGED_RIGHT;
	case KIND_PMD:
		if (view_folio(views, count) < thp->pmd_pages)
			return missing(stage, user, kind, before, why, size);
		if (views[0].frame % thp->pmd_pages) {
			snprintf(why, size, "a huge page begins in page frame %#llx", (unsigned long long)views[0].frame);
			return JUDGED_WRONG;
		}
		if (!is_counted(stage, user, kind, before, 1, why, size))
			return JUDGED_WRONG;
		slot_hit(stage->huge);
		return JUDGED_RIGHT;
	}
	return JUDGED_WRONG;
}

bool marks_add(struct marks *marks, unsigned int page)
{
	for (unsigned int i = 0; i < marks->count; i++)
		if (marks->page[i] == page)
			return false;
	marks->page[marks->count++] = page;
	return true;
}

uint64_t marks_value(const struct marks *marks, unsigned int page)
{
	return marks->serial + page;
}

void marks_store(struct stage *stage, struct marks *marks, unsigned int page)
{
	if (marks_add(marks, page))
		*area_word(stage_page(stage, page), 0, MARK_WORD) = marks_value(marks, page);
}

bool marks_are_all(struct stage *stage, const struct marks *marks, unsigned int first, unsigned int count, char *why,
		   size_t size)
{
	unsigned int words = page_bytes() / sizeof(uint64_t);

	if (run_sabotaged(stage->run, "not-cleared"))
		*area_word(stage_page(stage, marks->page[0]), 0, MARK_WORD + 1) = 1;
	for (unsigned int page = first; page < first + count; page++) {
		const uint64_t *word = (const uint64_t *)stage_page(stage, page);
		uint64_t expected = 0;

		if (!stage->views[page].is_present)
			continue;
		for (unsigned int i = 0; i < marks->count; i++)
			if (marks->page[i] == page)
				expected = marks_value(marks, page);
		for (unsigned int w = 0; w < words; w++) {
			if (word[w] != (w == MARK_WORD ? expected : 0)) {
				snprintf(why, size, "word %u of page %u of %u is %#llx instead of %#llx", w, page - first, count,
					 (unsigned long long)word[w], (unsigned long long)(w == MARK_WORD ? expected : 0));
				return false;
			}
		}
	}
	return true;
}

void stage_soil(struct stage *stage, unsigned int first, unsigned int count)
{
	for (unsigned int page = first; page < first + count; page++)
		if (stage->views[page].is_present)
			memset(stage_page(stage, page), 0x5a, page_bytes());
}
