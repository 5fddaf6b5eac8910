// SPDX-License-Identifier: GPL-2.0-only
/* ksmd replaces pages in other people's address spaces, and makes what it has replaced read-only: every store to such a page
 * has to make a copy, also one that came while it was being replaced. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "merge", .body = merge, .sabotages = { "written-in-place", "store-lost", "discard-not" },
		  .moves = { "cow_ksm" } },
		{ .name = "unmerge", .body = unmerge, .sabotages = { "written-in-place", "store-lost" }, .moves = { "cow_ksm" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
