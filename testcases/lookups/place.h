/* SPDX-License-Identifier: GPL-2.0-only */
/* Places: four pages of one kind of VMA each, with a page at either side that is a hole or another VMA. */
#ifndef PLACE_H
#define PLACE_H

#include "case.h"

#define KIND_PAGES 4
#define ALL_PAGES (KIND_PAGES + 2)      /* page 0 is the one before, the last the one behind */
#define PLACES_MAX 32

/* What rules need to know of a page and of the VMA that it is in. */
enum {
	IS_HOLE = 1 << 0,
	IS_READABLE = 1 << 1,           /* VM_READ */
	IS_WRITABLE = 1 << 2,           /* VM_WRITE */
	MAY_WRITE_IT = 1 << 3,          /* VM_MAYWRITE */
	IS_SHARED = 1 << 4,             /* VM_SHARED: not a read-only mapping of a shared file */
	IS_ANON = 1 << 5,               /* vma_is_anonymous() */
	HAS_FILE = 1 << 6,              /* vm_file */
	IS_SHMEM = 1 << 7,
	IS_FULL = 1 << 8,               /* has a page, with its tag; without it: zeroes, or nothing */
	IS_BUS = 1 << 9,                /* a page fault gets SIGBUS */
	IS_GUARD = 1 << 10,             /* a page fault gets SIGSEGV */
	IS_IO = 1 << 11,                /* VM_IO or VM_PFNMAP */
	IS_SECRET = 1 << 12,            /* VM_LOCKED with some kernels, and not with others */
	IS_LOCKED = 1 << 13,            /* VM_LOCKED */
	IS_SEALED = 1 << 14,
	GROWS = 1 << 15,                /* a stack; of the hole below it: an access may make it part of the stack */
	IS_ARMED = 1 << 16,             /* by the desk's userfaultfd for missing pages */
	IS_ARMED_WP = 1 << 17,          /* by it for stores to protected pages */
	IS_ARMED_MINOR = 1 << 18,       /* by it for pages that the file has and the mapping has not */
	IS_ARMED_OTHER = 1 << 19,       /* by another one for missing pages */
	IS_SPLIT = 1 << 20,             /* several VMAs */
	IS_SPECIAL = 1 << 21,           /* VM_DONTEXPAND, VM_MIXEDMAP, ... */
	IS_VAGUE = 1 << 22,             /* what an access finds there is not ours to say */
	STAYS = 1 << 23,                /* cannot be unmapped and mapped again */

	ANY_ARMED = IS_ARMED | IS_ARMED_WP | IS_ARMED_MINOR | IS_ARMED_OTHER,
	IS_RW = IS_READABLE | IS_WRITABLE | MAY_WRITE_IT,
	PAGE_BESIDE = IS_RW | IS_SHARED | HAS_FILE | IS_SHMEM | IS_FULL,
};

struct desk;
struct place;

struct kind {
	const char *name;
	unsigned int traits;
	int prot;                       /* what mprotect() is told to leave it as it is */
	/* Maps it, over whatever is there. false and errno: not to be had here. Others may change it meanwhile in 'storm'. */
	bool (*build)(struct place *place, struct desk *desk);
};

extern const struct kind kinds[];
extern const unsigned int kinds_count;

struct place {
	const struct kind *kind;
	unsigned int index;
	char *base;                     /* of page 0 */
	int file;                       /* its own, -1: none */
	bool at_home;                   /* the kernel's own: what is beside it is not ours */
	unsigned int home_pages;
	bool before, behind;            /* a VMA is there: else a hole */
};

/* Reserves address space and builds it; false: this kind is not to be had here */
bool place_open(struct run *run, struct place *place, unsigned int index, struct desk *desk);

/* the sides, as drawn; then the kind's pages, as if nothing had happened to them */
void place_sides(struct place *place, struct desk *desk, struct rng *rng);
bool place_renew(struct place *place, struct desk *desk);

char *place_page(const struct place *place, unsigned int page);
unsigned int place_traits(const struct place *place, unsigned int page);

/* the first word of a page that is there; 0 where it has zeroes */
uint64_t place_word(const struct place *place, unsigned int page);

/* Does a page fault by user code, or by the kernel for it, find a page? */
bool traits_readable(unsigned int traits);
bool traits_writable(unsigned int traits);

/* Oracle: all pages of the kind can be read and written as before, and have what they had. NULL: they do. */
const char *place_changed(const struct place *place, struct rng *rng);

#endif
