/* The threads of a subtest: roles, each with some workers that start together and loop until told to stop. */
#ifndef CREW_H
#define CREW_H

#include <stdbool.h>
#include <stddef.h>

#include "rng.h"
#include "run.h"

struct worker {
	struct run *run;
	const char *role;
	unsigned int id;                /* within the role, from 0 */
	struct rng rng;
	struct slot *slot;
	void *arg;
};

struct role {
	const char *name;
	void (*body)(struct worker *worker);
	unsigned int count;
	void *arg;
	bool on_main;                   /* run by the calling thread, on the process's own stack */
};

/* Start all, let them go at the same moment, return when the last has finished. */
void crew_run(struct run *run, const struct role *roles, size_t count);

/* "while (worker_continue(w)) { one operation; worker_did(w); }" */
bool worker_continue(const struct worker *worker);
void worker_did(struct worker *worker);

/* The same without giving the CPU away now and then: where rates are measured. */
void worker_counted(struct worker *worker);

/* Puts the calling thread on the first CPU. What the kernel frees goes to the CPU's own list and is handed out there
 * first: those that map on one CPU get each other's VMAs, while readers elsewhere still look at them. */
void worker_share_cpu(void);

/* Puts the calling thread on all CPUs but the first, if there are others. One who changes and waits for readers gets its CPU back
 * at once only where nobody else runs: with readers on all CPUs it would wait for the end of a time slice, each time. */
void worker_leave_cpu(void);

/* the worker that the calling thread is, NULL outside a crew */
struct worker *crew_self(void);

/* A forked child takes a name of its own in messages. */
void crew_adopt(struct worker *worker);

#endif
