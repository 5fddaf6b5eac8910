// SPDX-License-Identifier: GPL-2.0-only
/* What userfaultfd has beside missing pages: it tells its reader when the address space changes, and makes those who change
 * it wait; it protects pages, and marks them. All of that is state of a VMA or of a page table entry that a split, a merge,
 * a move or a fork has to take along. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "fork", .body = event_fork, .sabotages = { "child-gets-parents", "kept-answered" } },
		{ .name = "layout", .body = event_layout,
		  .sabotages = { "event-unannounced", "event-missing", "removed-stays", "moved-lost" } },
		{ .name = "write-protect", .body = write_protect, .sabotages = { "not-protected", "write-undone" } },
		{ .name = "track", .body = track_writes, .sabotages = { "write-untracked" } },
		{ .name = "minor", .body = minor, .sabotages = { "continued-raw" } },
		{ .name = "poison", .body = poison, .sabotages = { "poison-cured", "poison-spreads" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
