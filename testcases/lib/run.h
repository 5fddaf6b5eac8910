/* What a subtest's body gets, and how it says that something is wrong. */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "board.h"

#define THREADS_MAX 63                  /* each has a cache line of its own in every page (area.h) */

struct run {
	const char *name;               /* of the subtest */
	const char *sabotage;           /* --self-test-fail: what to break on purpose, or NULL */
	const char *const *settings;    /* --set, NULL behind the last */
	uint64_t seed;
	unsigned int threads;           /* how many to use, all roles together */
	struct board *board;
};

/* The subtest fails; the thread's role and number are put in front. Callable from any thread, child process
 * and signal handler of a run. */
void run_fail(struct run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* like run_fail, with the text of errno behind */
void run_fail_errno(struct run *run, const char *what);

/* Cannot be tried, or not be judged here. Only before threads start or after they have ended; return from the body right
 * after. A failure counts for more. */
void run_skip(struct run *run, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

bool run_stopping(const struct run *run);

/* Is this the breakage asked for? Cases put it where a kernel bug of that kind would act. */
bool run_sabotaged(const struct run *run, const char *what);

/* The value that --set gave to a name of the case's own, or NULL. The table of subtests lists the names. */
const char *run_setting(const struct run *run, const char *name);

/* A named count of the run, e.g. of faults that hit a hole; the same name gives the same slot. */
struct slot *run_event(struct run *run, enum slot_kind kind, const char *name);
void slot_hit(struct slot *slot);

/* 'total' threads shared out: how many are left for one more role, at least 'least' */
unsigned int run_threads_left(const struct run *run, unsigned int taken, unsigned int least);

#endif
