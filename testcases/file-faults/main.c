// SPDX-License-Identifier: GPL-2.0-only
/* A file is changed under those who have it mapped: the kernel finds their mappings by way of the file, not of the address
 * space, and takes pages from under faults that are still to map them. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "shared", .body = shared,
		  .sabotages = { "cut-not", "punch-not", "grown-dirty", "write-undone", "half-kept" } },
		{ .name = "private", .body = private, .sabotages = { "copy-lost", "copy-leaks", "copy-changes" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
