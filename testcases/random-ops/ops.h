/* SPDX-License-Identifier: GPL-2.0 */
/* Operations of a random program. Each has a meaning in every state of the range: where it does not
 * fit, it looks for the next cells that it fits, and where there are none, it does nothing. So any
 * part of a program is a program. */
#ifndef OPS_H
#define OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rng.h"

enum op_kind {
	OP_MAP,
	OP_MAP_REFUSED,
	OP_REMAP,
	OP_UNMAP,
	OP_PROTECT,
	OP_MOVE,
	OP_MOVE_KEEP,
	OP_GROW,
	OP_SHRINK,
	OP_DONTNEED,
	OP_FREE,
	OP_COLD,
	OP_PAGEOUT,
	OP_POPULATE,
	OP_HUGE,
	OP_COLLAPSE,
	OP_HINT,
	OP_REMOVE,
	OP_WIPE,
	OP_KEEP_BACK,
	OP_GUARD,
	OP_UNGUARD,
	OP_LOCK,
	OP_LOCK_LATER,
	OP_UNLOCK,
	OP_LOCK_ALL,
	OP_NAME,
	OP_MERGEABLE,
	OP_POLICY,
	OP_CLEAR_REFS,
	OP_SYNC,
	OP_RESIDENT,
	OP_STORE,
	OP_LOAD,
	OP_MEM_STORE,
	OP_MEM_LOAD,
	OP_VM_STORE,
	OP_VM_LOAD,
	OP_FILE_STORE,
	OP_FILE_LOAD,
	OP_RESIZE,
	OP_ARM,
	OP_DISARM,
	OP_FILL,
	OP_FILL_ZERO,
	OP_FILL_MOVE,
	OP_WARD,
	OP_UNWARD,
	OP_FORK,
	OP_VFORK,
	OP_HEAP,
	OP_STACK,
	OP_COUNTS,
	OP_MAPS,
	OP_VERIFY,
	OP_KINDS,
};

struct op {
	uint8_t kind, at, count; /* cells */
	uint8_t a, b;		 /* what else it needs; each kind has its own use for them */
	uint32_t seed;
};

/* How often each kind is chosen. "NAME:WEIGHT,..." changes some; false: no such kind. */
struct weights {
	unsigned int of[OP_KINDS], sum;
};

struct weights weights_default(void);
bool weights_change(struct weights *weights, const char *text);

struct op op_random(const struct weights *weights, struct rng *rng);
const char *op_name(enum op_kind kind);

/* ---- what the other fields mean, where several places have to know */

/* of map: how; of protect: to what */
uint8_t op_kind_mapped(const struct op *op);  /* enum kind */
bool op_maps_own_object(const struct op *op); /* shared memory that nothing else maps */
bool op_spares(const struct op *op);	      /* does not replace what is there */
bool op_populates(const struct op *op);
unsigned int op_rights(const struct op *op); /* MAY_... */
bool op_is_first(const struct op *op);	     /* of two ways */
unsigned int op_file(const struct op *op);
unsigned int op_slot(const struct op *op);
/* of move: the first cell, CELLS if there is no room for so many; they stay clear of those they
 * come from */
unsigned int op_target(const struct op *op, unsigned int at, unsigned int count);

/* "protect 3+2 1 0 5f (rw)": what op_parse() reads, where the part in parentheses is for people.
 * Returns the length, at most 'size' - 1. */
size_t op_print(const struct op *op, char *text, size_t size);
bool op_parse(const char *text, struct op *op);

#endif
