/* userfaultfd, and the thread that answers it. */
#ifndef UFFD_H
#define UFFD_H

#include "case.h"

#define UFFD_PAGES 16

struct uffd {
	struct run *run;
	int fd;
	void *base;                     /* UFFD_PAGES pages; the registered range */
	void *source;                   /* one scratch page; for moves: UFFD_PAGES pages */
	bool moves;
	struct claim claim[UFFD_PAGES];
	struct touched touched;
	_Atomic unsigned int touchers;  /* still running: they may sleep until answered */
	struct slot *copied, *zeroed, *moved, *busy;
};

/* Opens, maps and registers. false: the run has failed or is skipped. */
bool uffd_init(struct uffd *uffd, struct run *run, bool moves);
void uffd_register(struct uffd *uffd, unsigned int first, unsigned int count);

/* lets sleeping faults look again */
void uffd_wake(struct uffd *uffd, unsigned int first, unsigned int count);

/* which pages are answered with the zero page, the others with their tag */
bool uffd_is_zero_page(const struct uffd *uffd, unsigned int page);

/* roles; their arg is a struct uffd */
void uffd_answer(struct worker *worker);
void uffd_touch(struct worker *worker);
void uffd_split(struct worker *worker);

#endif
