/* Claims: what the thread that changes a page says about it, before and after each change; and the judgement
 * of an access made meanwhile by another thread.
 *
 * The changer publishes "changing" before the system call and the new settled state after it. A reader looks at the
 * claim before and after its access. The same claim both times: the access must agree with it exactly. Two claims:
 * the page changed meanwhile, any outcome of it is fair, but the data must still be of this page and of a generation
 * that was visible in between. So there are no false positives, however slow or preempted a thread is: two claims are only
 * taken for one if a multiple of 2^25 changes lies between, in which time a thread that does nothing is called hung. */
#ifndef CLAIM_H
#define CLAIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fault.h"

enum {
	MAY_READ = 1,                   /* a load may succeed */
	MAY_FAULT_READ = 2,             /* a load may get SIGSEGV */
	MAY_WRITE = 4,
	MAY_FAULT_WRITE = 8,
	MAY_BE_ZERO = 16,               /* a fresh page, not written yet */
	MAY_BE_NEXT = 32,               /* being replaced in one step: this generation or the next */
	MAY_LOSE_WRITES = 64,           /* accessible, but what is written may go away with the page */

	CLAIM_RW = MAY_READ | MAY_WRITE,
	CLAIM_RO = MAY_READ | MAY_FAULT_WRITE,
	CLAIM_NONE = MAY_FAULT_READ | MAY_FAULT_WRITE,
	CLAIM_ANY = CLAIM_RW | CLAIM_NONE,
};

struct claim {
	_Atomic uint64_t word;          /* generation (32 bits), sequence (25), what may happen (7) */
};

/* 'generation': the oldest that an access starting now may see, and the newest that one ending now may have seen */
void claim_publish(struct claim *claim, uint64_t generation, unsigned int may);

/* same generation, other permissions */
void claim_update(struct claim *claim, unsigned int may);

/* the same for so many claims in a row */
void claims_publish(struct claim *first, unsigned int count, uint64_t generation, unsigned int may);
void claims_update(struct claim *first, unsigned int count, unsigned int may);

uint64_t claim_read(const struct claim *claim);
unsigned int claim_may(uint64_t word);
uint64_t claim_generation(uint64_t word);

struct expected {
	unsigned int owner;
	unsigned int page;
	bool zero_while_changing;       /* pages of this mapping start as zeroes */
	bool always_mapped;             /* whatever changes, an access must never be refused */
	bool copied;                    /* read by the kernel, which need not take all bytes in one step */
};

/* NULL when all is well, else what is wrong, in words. Pure. */
const char *claim_judge_load(uint64_t before, uint64_t after, enum access got, uint64_t value, struct expected want);
const char *claim_judge_store(uint64_t before, uint64_t after, enum access got);

/* Load with the claim looked at around it; fails the run if the judgement says so.
 * Returns the outcome; '*value' is set on ACCESS_OK. */
enum access claim_checked_load(struct run *run, const struct claim *claim, const uint64_t *address,
			       struct expected want, uint64_t *value);
/* The same by another way than a load instruction, e.g. a system call that reads for us: ACCESS_SEGV when it is refused. */
typedef enum access claim_loader(const uint64_t *address, uint64_t *value);
enum access claim_checked_load_by(struct run *run, claim_loader *load, const struct claim *claim, const uint64_t *address,
				  struct expected want, uint64_t *value);
enum access claim_checked_store(struct run *run, const struct claim *claim, uint64_t *address, uint64_t value);

/* Store to a word that only the calling thread writes, and read it back. Oracle: while the page stays, the value
 * stays. Two threads that fault on one page at once must end up on the same page; if each gets a page of its own,
 * one of the stores is lost. */
enum access claim_checked_roundtrip(struct run *run, const struct claim *claim, uint64_t *address, uint64_t value);

#endif
