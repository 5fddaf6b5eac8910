// SPDX-License-Identifier: GPL-2.0-only
/* Moving a page takes its entry out of the page tables for a while, and puts one of the new page there. Who faults meanwhile waits,
 * by the lock of its VMA or without; policies are members of VMAs, which they split. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "place", .body = place, .sabotages = { "page-lost", "bind-not", "child-loses" },
		  .moves = { "pgmigrate_success" } },
		{ .name = "place-shared", .body = place_shared, .sabotages = { "page-lost" },
		  .moves = { "pgmigrate_success" } },
		{ .name = "balance", .body = balance, .sabotages = { "page-lost" }, .moves = { "numa_hint_faults" } },
		{ .name = "policies", .body = policies,
		  .sabotages = { "policy-forgotten", "node-wrong", "misplaced" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
