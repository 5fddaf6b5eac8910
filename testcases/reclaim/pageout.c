/* pageout: one page at a time is given back and taken at once, while threads use its neighbours and split their VMAs.
 *
 * Oracles: see lazy.c for the pages that are given back; the others keep what is written to them (toucher.c). */
#include "lazy.h"
#include "subtests.h"

#define TOUCHERS_MAX 16

void pageout(struct run *run)
{
	static struct lazy lazy;
	/* their stacks count for the limit of the group, of which they must leave most */
	unsigned int left = run_threads_left(run, 2, 2), touchers = left < TOUCHERS_MAX ? left : TOUCHERS_MAX;
	const struct role roles[] = {
		{ .name = "changer", .body = lazy_change, .count = 1, .arg = &lazy },
		{ .name = "toucher", .body = touch, .count = touchers, .arg = &lazy.kept },
		{ .name = "reader", .body = touch, .count = 1, .arg = &lazy.given },
	};

	if (lazy_init(&lazy, run, true))
		crew_run(run, roles, COUNT_OF(roles));
}
