/* SPDX-License-Identifier: GPL-2.0-only */
/* How this kernel is told to make huge pages, and what it counts of them (Documentation/admin-guide/mm/transhuge.rst). */
#ifndef THP_H
#define THP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "run.h"

/* "top" is for all sizes that inherit it. PMD: of the size that one entry of a page table maps. SMALL: of one other size. */
enum thp_knob {
	KNOB_ANON, KNOB_SHMEM, KNOB_ZERO, KNOB_PMD_ANON, KNOB_PMD_SHMEM, KNOB_SMALL_ANON, KNOB_SMALL_SHMEM, THP_KNOBS,
};

struct thp {
	unsigned int pmd_pages;         /* small pages in a huge one that one entry maps */
	size_t pmd_bytes;
	unsigned int small_pages;       /* in one of the other size that is chosen; 0: this kernel has but one size */
	bool has_knob[THP_KNOBS];
};

/* Finds out, and makes huge pages as scarce as they can be: no size of them for anybody but who changes a knob. false: the run
 * is skipped. thp_end() puts everything back. */
bool thp_begin(struct run *run, struct thp *thp);
void thp_end(void);

/* NULL: as thp_begin() left it. false, and errno: refused */
bool thp_turn(const struct thp *thp, enum thp_knob knob, const char *value);

/* What is counted in the whole system of huge pages of so many small ones: how many there were, and how often there was none
 * to have. */
enum thp_user { THP_ANON, THP_SHMEM };
struct thp_counts {
	uint64_t made, missed;
	uint64_t made_of_size;          /* the same as 'made', counted elsewhere; 0 where this kernel does not */
	bool has_size;
};
struct thp_counts thp_count(const struct thp *thp, enum thp_user user, unsigned int pages);

/* a counter of /proc/vmstat; 0 where there is none */
uint64_t thp_vmstat(const char *name);

#endif
