/* SPDX-License-Identifier: GPL-2.0 */
/* A range of real memory with its model: performs operations, and compares. */
#ifndef WORLD_H
#define WORLD_H

#include <sys/types.h>

#include "model.h"
#include "ops.h"
#include "shadow.h"

#define HEAP_PAGES 16u
#define STACK_PAGES 12u
#define KIDS_MAX 3u

/* what is not shared out to cells: pages from a fixed end on, the heap's from below, the stack's
 * from above */
struct column {
	char *end;	    /* NULL: this world has none */
	unsigned int pages; /* mapped now */
	uint32_t value[HEAP_PAGES > STACK_PAGES ? HEAP_PAGES : STACK_PAGES];
};

struct world {
	struct run *run;
	struct worker *worker; /* NULL: no thread of a crew */
	struct model model;
	unsigned int owner;
	char *base, *source; /* source: a cell to copy from */
	unsigned int cell_pages;
	int memory_fd, uffd, sealed_fd; /* -1: not to be had; sealed: a file without stores */
	struct column heap, stack;
	struct shadow *shadow; /* NULL: nobody watches */
	bool alone;	       /* nobody else maps or locks in this process */
	bool waits; /* for a forked child, so that it finds the shared memory as its parent left it
		     */
	bool is_trial; /* does not tell what fails */
	bool failed;
	unsigned int depth; /* how many forks from the subtest's process */
	long other_kib;	    /* what this process maps beside the world; 0: not known */
	pid_t kid[KIDS_MAX];
	const struct op *op; /* performed now */
	struct op *resolved; /* NULL, or where to note which cells an operation was done to */
};

struct setup {
	unsigned int owner, cell_pages;
	bool huge_aligned, heap, alone, waits, is_trial;
	struct shadow *shadow;
};

/* false, and the run has failed, when the range cannot be had. */
bool world_open(struct world *world, struct run *run, const struct setup *setup);
void world_close(struct world *world);

/* Before each program. The first time by the thread that performs it. */
void world_reset(struct world *world);

/* false once something was not as the model has it */
bool world_perform(struct world *world, const struct op *op);

/* looks at all cells, the columns and the counters */
bool world_verify(struct world *world);

/* ---- for the operations */

void world_fail(struct world *world, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* of a system call that should not fail; tells errno otherwise */
bool world_succeeded(struct world *world, const char *call, bool ok);
struct cell *world_at(struct world *world, unsigned int at);
char *world_cell(const struct world *world, unsigned int at);
size_t world_bytes(const struct world *world, unsigned int cells);
uint64_t world_tag(const struct world *world, uint32_t value);
/* others are told that these cells change, until the operation is over */
void world_mark(struct world *world, unsigned int at, unsigned int count);
bool world_breaks(const struct world *world, const char *sabotage);
void world_load(struct world *world, unsigned int at);
void world_store(struct world *world, unsigned int at);
void world_compare_counts(struct world *world);
/* shared and private mappings of files that others change meanwhile are left to them */
void world_become_child(struct world *world);
void world_wait_for_kids(struct world *world);

/* columns.c */
void columns_open(struct world *world, bool heap);
void columns_reset(struct world *world);
void columns_verify(struct world *world);

/* perform.c: an operation, for the cells that it fits */
void perform(struct world *world, const struct op *op);

#endif
