/* SPDX-License-Identifier: GPL-2.0-only */
/* A process that others look at: it lives for some rounds of changes to a few pages, ends, and is followed by the next.
 *
 * Each life has claims of its own in shared memory, so that one who still looks at a dead process judges it as dead. */
#ifndef TARGET_H
#define TARGET_H

#include <sys/types.h>

#include "case.h"

#define PAGES 12
#define ANCHOR_PAGES 16                 /* never changed: tag_make(ANCHOR_OWNER, page, serial of the life) */
#define ANCHOR_OWNER 1
#define LIVES 8                         /* remembered */

struct life {
	_Atomic uint64_t serial;        /* which life this is about, from 1 */
	_Atomic pid_t pid;
	_Atomic bool alive;             /* its pages are there, and stay until this is taken back */
	struct claim claim[PAGES];
};

struct stage {
	struct run *run;
	void *base, *anchor;            /* at the same addresses in all processes */
	_Atomic uint64_t serial;        /* of the newest life */
	uint64_t coming;                /* of the one that is being born */
	struct slot *forks;
	struct life life[LIVES];
};

/* In shared memory; NULL, and the run has failed. Before the crew starts. */
struct stage *stage_make(struct run *run);

/* body of the role that brings up one target after the other; its arg is the stage */
void keep_target(struct worker *worker);

/* The calling thread lets the target run first: left alone, a target waits for its turn most of the time, and changes little. */
void look_give_way(void);

/* one look at a target, by one who is not it */
struct look {
	struct stage *stage;
	struct life *life;
	uint64_t serial;
	pid_t pid;
	unsigned int page;
	uint64_t before, after;
};

/* At the newest life and a random page. false: there is none yet. */
bool look_begin(struct look *look, struct stage *stage, struct rng *rng);

/* false: that life is long over and forgotten, and nothing can be said of what was seen */
bool look_end(struct look *look);

/* judges the tag that was read of the page */
void look_judge_tag(struct look *look, enum access got, uint64_t value, const char *how);

#endif
