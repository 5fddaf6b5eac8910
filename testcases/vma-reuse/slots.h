/* Slots: many small mappings side by side with gaps between, made and removed all the time: a VMA factory. */
#ifndef SLOTS_H
#define SLOTS_H

#include "case.h"

#define SLOTS 8
#define SLOT_PAGES 2
#define SLOT_STRIDE (SLOT_PAGES + 1)    /* the gap keeps neighbours from merging, and must never be accessible */
#define SLOTS_PAGES (SLOTS * SLOT_STRIDE)

struct slots {
	void *base;
	struct claim claim[SLOTS_PAGES];
	uint64_t generation[SLOTS];
	unsigned int owner;             /* the process, in tags */
	unsigned int mappers;           /* each has every mappers-th slot */
	int fd;                         /* memory file of this process */
	int mapped_fd;                  /* the same, unless sabotaged */
	struct touched touched;
};

/* Before any other process is forked: the same addresses in all of them. Returns NULL when the run has failed. */
void *slots_reserve(struct run *run);

/* All slots inaccessible, as reserved. 'base' from slots_reserve, 'fd' from area_tagged_file(owner, SLOTS_PAGES, 0) */
void slots_init(struct slots *slots, void *base, unsigned int owner, int fd);

/* maps the slot if it is not mapped, else unmaps it */
void slots_toggle(struct run *run, struct slots *slots, unsigned int slot, struct rng *rng);

/* body of a role whose arg is a struct slots */
void slots_map(struct worker *worker);

#endif
