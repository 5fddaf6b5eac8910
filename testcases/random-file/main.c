// SPDX-License-Identifier: GPL-2.0-only
/* Random operations on files in memory against a model of their bytes: an fsx for tmpfs and its huge pages. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "alone",
		  .body = alone,
		  .sabotages = { "write-lost", "store-lost", "punch-not", "cut-not", "grown-dirty",
				 "copy-short", "data-hidden", "end-readable", "policy-lost" } },
		{ .name = "beside",
		  .body = beside,
		  .sabotages = { "write-strays", "collapse-loses" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
