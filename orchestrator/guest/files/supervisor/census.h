/* What the whole guest has: objects of slab caches, mounts, shared memory, pages.
 *
 * The counts are taken when nothing else runs. Freed objects come back late (RCU, per-CPU lists, quarantines), so the
 * caches are shrunk and looked at again until nothing is above where it was, or some time has passed.
 * All files are opened before the program starts: what it mounts over them changes nothing. */
#ifndef CENSUS_H
#define CENSUS_H

#include <stdio.h>

#define COUNTS 15

struct census {
	long count[COUNTS];		/* -1: this kernel does not say */
};

void census_open(void);

/* Others of the guest are still at it: those who take the program's output have not quite started, what ended before is
 * not quite gone. Two looks that see the same, while nobody runs. */
struct census census_before(void);

/* The lowest seen of each: a count that was down once was not leaked. One look when nothing will settle any more. */
struct census census_after(const struct census *before, int settles);

/* " NAME=BEFORE,AFTER" for each */
void census_print(FILE *out, const struct census *before, const struct census *after);

#endif
