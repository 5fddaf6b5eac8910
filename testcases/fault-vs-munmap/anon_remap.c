/* anon-remap: one range is unmapped and mapped again, over and over, under threads that read and write it.
 *
 * Oracles (claim.c): a load succeeds while the range is settled as unmapped -> a fault put a page into a mapping that
 * was gone (writer did not wait for readers, detached VMA still lockable). SIGSEGV while settled as mapped -> VMA not
 * attached, or a stale one was looked up. Zero or an old generation while filled -> a page was installed twice or
 * survived its mapping. A thread's own word lost -> two faults, two pages. */
#include "subtests.h"

void anon_remap(struct run *run)
{
	struct remapped range = {
		.pages = 16, .early = "early-unmap", .lost = "lost-page", .stale = "stale-page",
	};
	const struct role roles[] = {
		{ .name = "remapper", .body = remap_range, .count = 1, .arg = &range },
		{ .name = "toucher", .body = touch, .arg = &range.touched,
		  .count = run_threads_left(run, 1, 2) },
	};

	if (remapped_start(run, &range))
		crew_run(run, roles, COUNT_OF(roles));
}
