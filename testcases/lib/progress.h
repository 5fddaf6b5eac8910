/* Does each thread of a subtest get on, and if not, is it the thread or whoever it waits for that gets no CPU? Kept by the
 * supervisor, from outside, of the counts on the board and of what /proc says. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "board.h"

struct progress {
	struct board *board;
	pid_t group;                    /* the subtest's process, and the process group that its children are in */
	int64_t hang_ns;                /* without progress, of a thread that sleeps or runs and gets nowhere */
	int64_t begin_ns, stopped_ns;   /* stopped: since when all are told to end; 0: not yet */
	int64_t last_move_ns;           /* of any of them */
	int64_t weighed_ns;             /* the last look at who is idle */
	int64_t stood_ns;               /* in which nothing ran, or somebody was stopped */
	uint64_t seen[BOARD_SLOTS];     /* counts at the last look */
	int64_t moved_ns[BOARD_SLOTS];  /* when each changed last; 0: never */
	int64_t idle_ns[BOARD_SLOTS];   /* since then, weighed: see weigh() */
	long used_ms[BOARD_SLOTS];      /* CPU time of its thread at the last weighing; -1: none yet */
	char hang[200];                 /* the first thread that hangs, and where */
};

void progress_begin(struct progress *progress, struct board *board, pid_t group, double hang_after_s);

/* Not even the supervisor ran, as when the whole machine is stopped and goes on later: what did not move in that time is
 * no worse for it. */
void progress_forgive(struct progress *progress, int64_t stood_ns);

/* looks at the counts */
void progress_look(struct progress *progress, int64_t now);

/* Whether a thread hangs: then 'hang' says which and where. Each by itself, all the time: others may go on happily beside one
 * that waits for a lock that nobody will ever give back, and those that wait for it to finish would be the only sign. */
bool progress_hangs(struct progress *progress, int64_t now);

/* every thread that is not done, with what the kernel says of it, as diagnostics */
void progress_print(const struct progress *progress, int64_t now);

#endif
