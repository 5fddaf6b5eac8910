/* One operation with one allocation failing, and what may have become of its pages. */
#ifndef ATTEMPT_H
#define ATTEMPT_H

#include "zone.h"

/* One try of an operation on the zone's part, with the nth allocation failing. False: nothing was left to fail. */
typedef bool attempt_fn(struct zone *zone, unsigned int nth);

struct operation {
	const char *name;
	attempt_fn *attempt;
	bool never_fails;               /* does without what it cannot get, or tries again */
	bool takes_more;                /* it may get no memory several times: it gives up, and needs none for that */
	struct slot *failed;            /* the call said so */
	struct slot *survived;          /* an allocation failed, and the call did without */
	unsigned int nth;               /* the next allocation to fail; 0: begin anew */
	bool more;                      /* this time it does not */
	unsigned int first, count, border;      /* the part that it is about meanwhile */
};

/* Names the events: one of them must happen. Before the crew starts. */
void operations_count(struct run *run, struct operation *operations, size_t count);

/* A try of each operation in turn, until told to stop. Each goes from its first allocation to its last, of an operation
 * that allocates very often every 'stride'th or so, and then begins anew with another part. */
void operations_sweep(struct worker *worker, struct zone *zone, struct operation *operations, size_t count,
		      unsigned int stride);

/* around the call that is to fail */
void attempt_begin(struct zone *zone, unsigned int nth);

/* Ends the injection. 'failed': the call said so, and errno why. 'as_before' and 'done': what the part may look like then
 * (bits of enum seen), from page 'first' on. Returns whether an allocation was made to fail. */
bool attempt_end(struct zone *zone, bool failed, unsigned int first, unsigned int count, unsigned int as_before,
		 unsigned int done);

/* The same for operations whose pages nobody has to look at. */
bool attempt_end_unseen(struct zone *zone, bool failed);

/* --self-test-fail: a call that reports success and has done nothing */
bool attempt_is_skipped(const struct zone *zone);

#endif
