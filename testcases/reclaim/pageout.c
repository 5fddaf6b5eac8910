/* pageout: one page at a time is given back and taken at once, while threads use its neighbours and split their VMAs.
 *
 * Oracles: see lazy.c for the pages that are given back; the others keep what is written to them (toucher.c). */
#include "lazy.h"
#include "subtests.h"

void pageout(struct run *run)
{
	static struct lazy lazy;
	const struct role roles[] = {
		{ .name = "changer", .body = lazy_change, .count = 1, .arg = &lazy },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 2, 2), .arg = &lazy.kept },
		{ .name = "reader", .body = touch, .count = 1, .arg = &lazy.given },
	};

	if (lazy_init(&lazy, run, true))
		crew_run(run, roles, COUNT_OF(roles));
}
