#ifndef SUBTESTS_H
#define SUBTESTS_H

#include "case.h"

#define SMALL_MAX 512u                  /* small pages of a huge one */

/* Address space for so many huge pages, where the first can begin. '*pages': how many small ones that is. NULL when the run
 * has failed, or is to be skipped because this kernel makes no huge pages of that size. */
void *reserve_huge(struct run *run, unsigned int count, unsigned int *pages);

/* A new mapping that is empty and may have huge pages, in the place of what was there. */
bool map_anew(struct run *run, void *base, unsigned int pages);

#define TOUCHED 4                       /* the first pages of a range */

/* A range of one huge page, of which threads touch the first pages while it is changed. */
struct range {
	struct claim claim[TOUCHED];
	void *base;
	unsigned int pages;             /* small ones, in all */
	struct slot *huge;
	struct touched touched;
};

/* What is claimed of a range that is reserved, what of it is touched, and the events; before the crew starts. */
void range_touched(struct run *run, struct range *range);

/* Lets the crew fault before the range is changed: not at all, for a millisecond, or now and then until 'is_there' says that
 * what they fault in has come, which may take long on a host with other work. */
void let_fault(struct worker *worker, bool (*is_there)(struct worker *worker));

void huge_split(struct run *run);
void huge_remap(struct run *run);
void late_huge(struct run *run);
void late_split(struct run *run);
void huge_collapse(struct run *run);
void cross_collapse(struct run *run);
void huge_khugepaged(struct run *run);

#endif
