/* One subtest, run in a process of its own and watched from outside. */
#ifndef SUPERVISE_H
#define SUPERVISE_H

#include "case.h"
#include "clock.h"
#include "options.h"

/* How long a subtest may overrun until every role has done something. Times the slowdown. */
#define SUPERVISE_GRACE_NS (1 * NS_PER_S)

enum outcome {
	SUBTEST_OK,
	SUBTEST_SKIPPED,
	SUBTEST_NOT_EXERCISED,          /* nothing was wrong, but it did not exercise what it is for */
	SUBTEST_FAILED,
	SUBTEST_HUNG,
};

struct assignment {
	const struct subtest *subtest;
	const struct options *options;
	unsigned int index;             /* in the KTAP plan */
	int64_t stop_ns;                /* when its threads are told to stop */
};

/* prints everything up to and with the result line */
enum outcome supervise(const struct assignment *assignment);

#endif
