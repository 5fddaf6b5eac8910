/* SPDX-License-Identifier: GPL-2.0 */
/* What the owner of a range tells those who access it meanwhile, in shared memory: for each cell
 * what an access may do, and whether it is being changed. Only the owner writes.
 *
 * A reader looks before and after its access. The same even number both times: nothing changed, the
 * access must agree exactly. Otherwise any outcome is fair, but the value must be one of this
 * range. The numbers have 64 bits: they do not come round while a reader is preempted. */
#ifndef SHADOW_H
#define SHADOW_H

#include <stdatomic.h>

#include "crew.h"
#include "model.h"

struct shadow {
	char *base;
	size_t cell_bytes;
	unsigned int owner;	 /* of the values, see tag.h */
	_Atomic uint64_t newest; /* the highest serial number that a value has had */
	_Atomic bool accused; /* somebody else saw something wrong here: its owner tells what it was
				 at */
	struct {
		_Atomic uint64_t sequence; /* odd: being changed */
		_Atomic uint64_t word;	   /* value, what may happen (16 bits) */
	} cell[CELLS];
};

/* in memory that children share; NULL, and the run has failed, if there is none */
struct shadow *shadows_make(struct run *run, unsigned int count);

/* by the owner */
void shadow_changing(struct shadow *shadow, unsigned int at, uint32_t newest);
void shadow_settled(struct shadow *shadow, unsigned int at, struct forecast forecast);

/* How to get at a word of another's memory. Called by addresses that may be refused. */
struct reach {
	enum access (*load)(const uint64_t *address, uint64_t *value);
	enum access (*store)(uint64_t *address, uint64_t value);
	bool in_steps;	    /* the bytes of a word need not be of one time */
	bool refuses_alike; /* does not tell SIGSEGV and SIGBUS apart: ACCESS_SEGV for both */
	bool forces;	    /* loads where the mapping does not permit it, too */
};

struct watched {
	struct shadow *shadows;
	unsigned int count;
	const struct reach *reach;
	unsigned int first_word; /* of the words that these workers have in each page, one each */
	struct slot *exact, *changing; /* accesses judged exactly, or not */
	/* what a kernel bug would do, for --self-test-fail; NULL: nothing */
	void (*between)(struct worker *worker, const struct shadow *shadow, unsigned int at);
};

extern const struct reach reach_directly;

/* body of a role whose arg is a struct watched: accesses all ranges and judges what happens */
void watch(struct worker *worker);

#endif
