/* A few pages, of a memory file or anonymous, that the injecting thread changes and others touch meanwhile. */
#ifndef ZONE_H
#define ZONE_H

#include "inject.h"

#define PAGES 12

/* what a page turns out to be: bits, so that several may be allowed */
enum seen {
	SEEN_RW = 1,                    /* readable, writable, with its tag */
	SEEN_RO = 2,                    /* the same, but a store is refused */
	SEEN_HOLE = 4,
	SEEN_ZERO = 8,                  /* readable, and fresh */
	SEEN_WRONG = 16,                /* anything else, or not the same for all pages */
};

struct zone {
	struct run *run;
	void *base;                     /* PAGES pages */
	void *away;                     /* as many more, never mapped for long, which nobody else looks at */
	int fd;                         /* -1: anonymous, private */
	uint64_t generation;            /* of the tags */
	struct claim claim[PAGES];
	struct touched touched;
	struct injector injector;
	/* what the present operation is about: a part, and a place in it where a VMA may end */
	unsigned int first, count, border;
	bool more;                      /* not just the nth allocation fails, but some from there on */
};

/* false: the run has failed */
bool zone_init(struct zone *zone, struct run *run, bool anonymous);

/* All mapped, as one VMA: with tags; or, when anonymous, fresh pages without, to be tagged later. */
void zone_whole(struct zone *zone);
void zone_fresh(struct zone *zone);
void zone_tag(struct zone *zone);

/* What pages are, and the name of that. Looks at 'count' pages from 'first' of what lies at 'base'. */
enum seen zone_look(struct zone *zone, void *base, unsigned int first, unsigned int count);
const char *seen_name(enum seen seen);

/* claims of a part: about to change; is what was seen */
void zone_announce(struct zone *zone, unsigned int first, unsigned int count);
void zone_settle(struct zone *zone, unsigned int first, unsigned int count, enum seen seen);

#endif
