/* The reader and writer that most subtests share: access random pages, judge each access by the page's claim. */
#ifndef TOUCHER_H
#define TOUCHER_H

#include "claim.h"
#include "crew.h"

struct touched {
	void *base;
	unsigned int pages;
	unsigned int stride;            /* from one page looked at to the next; 0 is 1: all of them */
	struct claim *claims;
	bool one_claim;                 /* one for all pages, else one per page */
	bool read_only;                 /* never store */
	bool write_only;                /* never look at tags: a load may map what a store would not (zeroes) */
	bool leaves_cpu;                /* the first CPU is left to who changes the pages */
	bool keeps_data;                /* nobody discards pages: what was stored once must be there for ever */
	uint64_t first_serial;          /* stores are numbered from here: above those of who had the same words before */
	struct expected want;           /* page is filled in */
	struct slot *granted, *refused;
};

/* Names the events; before the crew starts. A refusal is required when the subtest is about refusals. */
void touched_count(struct run *run, struct touched *touched, bool refusals);

/* body of a role whose arg is a struct touched */
void touch(struct worker *worker);

/* body of a role whose arg is a struct touched: zaps page table entries of shared memory, because threads that only
 * use their TLB never ask for a VMA */
void drop_pages(struct worker *worker);

/* body of a role whose arg is a struct touched (base and pages): single pages get a VMA of their own, and lose it again,
 * by advice that changes nothing for those who access them */
void split_pages(struct worker *worker);

#endif
