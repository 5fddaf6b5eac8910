/* SPDX-License-Identifier: GPL-2.0 */
/* What an address range holds, and what each access of it may do: computed, and never asked of the
 * kernel.
 *
 * The range is a row of cells; a cell is one page, or a run of pages that are always treated alike.
 * Pure: no system calls. */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "fault.h"

#define CELLS 40u
#define OBJECT_CELLS 12u
#define FILES 2u /* objects that are memory files; the others are shared anonymous memory */
#define OBJECTS 6u

enum kind {
	HOLE,	/* not mapped */
	ANON,	/* private */
	SHARED, /* part of an object */
	COPY,	/* private mapping of an object: what it has until the first store */
};

/* is there a page? Counts only for userfaultfd and mincore() */
enum present { ABSENT, UNSURE, PRESENT };

enum { MAY_LOAD = 1, MAY_STORE = 2 }; /* of 'rights': NONE, LOAD, LOAD and STORE */

enum {
	OWN = 1,       /* of COPY: was stored to, has a page of its own */
	MAYBE_OWN = 2, /* of COPY: perhaps; it has the object's value until that changes */
	LOCKED = 4,
	ARMED = 8,	/* registered with userfaultfd: access of an absent page is SIGBUS */
	WIPED = 16,	/* zero in a forked child */
	KEPT_BACK = 32, /* not mapped in a forked child */
	GUARDED = 64,
	LAZY = 128, /* given up by MADV_FREE: its value, or zero */
	ANY = 256,  /* any value that was ever in this range */
	WARDABLE = 512, /* ARMED, and its pages may be protected by userfaultfd */
	WARDED = 1024,	/* such a page: a store is SIGBUS */
	OF_MAPPING = LOCKED | ARMED | WARDABLE | WIPED | KEPT_BACK, /* what a VMA has, not its pages */
};

struct cell {
	uint8_t kind, rights, present;
	uint8_t object, slot; /* of SHARED and COPY */
	uint16_t flags;
	uint32_t value; /* of ANON, and of COPY with OWN; 0: zero */
};

struct object {
	int fd;	       /* of memory files; else -1 */
	uint8_t cells; /* so many exist: access behind them is SIGBUS */
	uint8_t present[OBJECT_CELLS];
	uint32_t value[OBJECT_CELLS];
};

struct model {
	struct cell cell[CELLS];
	struct object object[OBJECTS];
	uint32_t newest; /* values are serial numbers: the last one given out */
	bool watched; /* others load and store, too (words of their own): pages appear at any time
		       */
	bool crowded; /* one fault may make the pages around it present: huge pages */
};

/* what accesses of a cell may do now, as bits; the value is beside it */
enum {
	LOAD_GIVES = 1,
	LOAD_SEGV = 2,
	LOAD_BUS = 4,
	STORE_TAKES = 8,
	STORE_SEGV = 16,
	STORE_BUS = 32,
	OR_ZERO = 64,
	ANY_VALUE = 128,
	ALIASED = 256, /* other cells may have the same page */
};

struct forecast {
	unsigned int may;
	uint32_t value;
};

struct forecast model_forecast(const struct model *model, unsigned int at);
bool forecast_allows(struct forecast forecast, enum access got, bool store);
bool forecast_has(struct forecast forecast, uint32_t value);

/* a page behind the end of its object */
bool cell_is_beyond(const struct model *model, const struct cell *cell);
bool cell_is_mapped(const struct cell *cell);
enum present cell_presence(const struct model *model, const struct cell *cell);
/* the second continues the first, so that one VMA may have both */
bool cell_continues(const struct cell *first, const struct cell *second, unsigned int distance);

/* what happened */
void model_stored(struct model *model, unsigned int at, uint32_t value);
void model_loaded(struct model *model, unsigned int at);
void model_populated(struct model *model, unsigned int at); /* by the kernel, as far as it got */
void model_dropped(struct model *model, unsigned int at);   /* private pages went, the mapping stays
							     */
void model_object_stored(struct model *model, unsigned int object, unsigned int slot,
			 uint32_t value, enum present present);
void model_object_resized(struct model *model, unsigned int object, unsigned int cells);
/* in a forked child: what it has of its parent's */
void model_inherited(struct model *model);
/* after each operation: what those who watch may do at any time is taken as done */
void model_settle(struct model *model);

/* an object that no cell maps, or OBJECTS */
unsigned int model_free_object(const struct model *model);
unsigned int model_count(const struct model *model, unsigned int flag); /* cells mapped, with this
									   flag (0: any) */

#endif
