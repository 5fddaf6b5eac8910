/* userfaultfd, and the thread that answers it. */
#ifndef UFFD_H
#define UFFD_H

#include "case.h"

#define UFFD_PAGES 16

/* how a missing page comes in */
enum uffd_way {
	UFFD_COPIES,
	UFFD_MOVES,                     /* from another mapping */
	UFFD_MOVES_WITHIN,              /* from the upper half of the same mapping, where it was copied to before */
};

struct uffd {
	struct run *run;
	int fd;
	enum uffd_way way;
	void *base;                     /* UFFD_PAGES pages, which are registered and touched */
	void *source;                   /* of moves: UFFD_PAGES pages; nobody touches those within the same mapping */
	void *scratch;                  /* one page, of copies */
	bool staged[UFFD_PAGES];        /* was copied to the source and is still to be moved */
	struct claim claim[UFFD_PAGES];
	struct touched touched;
	_Atomic unsigned int touchers;  /* still running: they may sleep until answered */
	struct slot *copied, *zeroed, *moved, *busy;
};

/* Opens, maps and registers. false: the run has failed or is skipped. */
bool uffd_init(struct uffd *uffd, struct run *run, enum uffd_way way);
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
