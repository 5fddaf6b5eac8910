/* SPDX-License-Identifier: GPL-2.0-only */
/* A question: one system call, about a range at or near a place, of this process or of another one; and the answers to it that
 * are right. */
#ifndef QUESTION_H
#define QUESTION_H

#include <errno.h>

#include "desk.h"

/* whose addresses are asked about */
struct target {
	pid_t pid;
	int pidfd, mem, maps, pagemap;  /* -1: not to be had */
	struct uffd uffd;
	bool other;                     /* not this process */
	bool dead;                      /* it was killed and is gone */
};

enum shape {
	FIRST_PAGE, INSIDE, LAST_PAGE, WHOLE, FROM_BEFORE, TO_BEHIND, ALL,
	NOTHING,                        /* no length */
	ASKEW,                          /* begins one byte late */
	RAGGED,                         /* ends one byte early */
	WRAPS,                          /* ends behind the end of all addresses */
	ABOVE,                          /* an address that no process has */
	SHAPES,
};

struct call;

struct question {
	const struct call *call;
	const struct place *place;
	const struct target *target;
	struct desk *desk;
	char *at;
	size_t length;
	enum shape shape;
	bool disturbed;                 /* others change the place meanwhile */
	bool grown;                     /* page 0 is part of the stack by now */
	unsigned int first, count;      /* pages of the place that it touches; without meaning where it is above or wraps */
	unsigned int traits[ALL_PAGES];
};

/* An answer is a count of bytes, pages or regions, 0, or a negative errno. */
struct answers {
	bool done;                      /* from 'least' to 'most' */
	long least, most;
	bool unjudged;                  /* any answer */
	uint64_t errors[3];             /* a bit for each errno */
};

#define END_OF_LIST (-1)
#define ONLY(...) ((const short[]){ __VA_ARGS__, END_OF_LIST })

struct call {
	const char *name;
	long (*ask)(const struct question *question);
	void (*rule)(const struct question *question, struct answers *answers);
	/* Does it make sense? NULL: always. What it could break for others and nothing could mend is no question. */
	bool (*fits)(const struct question *question);
	/* the answers to a shape, 0 for success; NULL for 'nothing', 'wraps' and 'above': not asked; for the others: as the rule says */
	const short *nothing, *askew, *ragged, *wraps, *above;
	int arg;
	bool pins;                      /* makes the kernel warn of a stack that would have to grow */
	bool spoils;                    /* the place has to be made anew after it */
	bool calm;                      /* not while others change the place: it would take what was there */
	bool foreign;                   /* asks about other processes, too */
	bool (*there)(const struct desk *desk); /* NULL: in every kernel */
};

void question_pose(struct question *question, enum shape shape);
bool question_fits(const struct question *question);

/* Pure. What may be answered to a question that nobody disturbs. */
struct answers answers_to(const struct question *question);
/* The same while others unmap, protect and map the place again. */
struct answers answers_in_storm(const struct question *question);
/* and when there is no such process any more */
struct answers answers_of_dead(const struct question *question);

void allow_done(struct answers *answers, long least, long most);
void allow(struct answers *answers, const short *errors);       /* ONLY(...): 0 for success */
bool answers_have(const struct answers *answers, long got);
void answers_tell(const struct answers *answers, char *text, size_t size);

/* Of the range: has any page all of these traits, have all any of them, the first? */
bool any_page(const struct question *question, unsigned int traits);
bool all_pages(const struct question *question, unsigned int traits);
bool first_page(const struct question *question, unsigned int traits);
bool several_vmas(const struct question *question);

/* The bytes from the start that a test of traits accepts. 'grown': a stack has grown to where it can. */
size_t accepted(const struct question *question, bool (*test)(unsigned int traits), bool grown);
/* the answer to a call that moves bytes and says how many, or 'error' when there are none */
void allow_bytes(const struct question *question, struct answers *answers, bool (*test)(unsigned int traits), int error);

bool traits_pin_readable(unsigned int traits);
bool traits_pin_writable(unsigned int traits);

extern const char *const shape_names[];

#endif
