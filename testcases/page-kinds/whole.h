/* SPDX-License-Identifier: GPL-2.0-only */
/* One huge page that is mapped as a whole and full of data: what is known of each of its small pages. */
#ifndef WHOLE_H
#define WHOLE_H

#include "kinds.h"
#include "smaps.h"

enum backing {
	ANON,                           /* private anonymous memory */
	FILE_SHARED,                    /* a shared mapping of a file of tmpfs */
	FILE_PRIVATE,                   /* a private one, only read so far */
	BACKINGS,
};

/* What a small page is, wherever it is now. */
struct piece {
	int place;                      /* page of the stage; -1: nowhere, and what was its place is a hole */
	uint64_t value;                 /* in its first word and, inverted, in its last; 0: both are 0 */
	uint64_t or_value;              /* or this: what the kernel may keep or not; the same as 'value' if not */
	bool is_read_only, is_gone;     /* gone: behind the end of the file */
	bool is_resident;               /* of anonymous memory: it is mapped */
};

struct whole {
	struct stage *stage;
	enum backing backing;
	int file;                       /* of a tmpfs with huge pages */
	uint64_t generation;
	struct piece piece[PMD_PAGES_MAX];
};

/* With a file of its own. false: the run is skipped, with the reason, or has failed; else stage_end() ends it. */
bool whole_begin(struct whole *whole, struct stage *stage, struct run *run);

/* Makes one at the beginning of the stage, mapped by one entry. false: there is no memory for it, or the run has failed. */
bool whole_make(struct whole *whole, enum backing backing, uint64_t generation);

const char *whole_name(enum backing backing);

/* how much of this range is mapped by huge entries, in KiB; -1: not known */
long whole_mapped_huge(const struct whole *whole, pid_t pid, unsigned int first, unsigned int pages);

void whole_put(struct whole *whole, unsigned int piece, uint64_t value);
uint64_t whole_value(const struct whole *whole, unsigned int piece);

/* Oracle: each piece holds what it must hold, is refused where it must be, and stores to read-only ones are. */
bool whole_holds(struct whole *whole, char *why, size_t size);

#endif
