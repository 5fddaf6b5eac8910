// SPDX-License-Identifier: GPL-2.0-only
/* hugetlb has code of its own for what other mappings share: faults, copies, page tables that processes share, and a count of pages
 * that are promised. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "private", .body = private_huge,
		  .sabotages = { "discard-not", "huge-lost", "protect-not", "child-loses" } },
		{ .name = "few", .body = few, .sabotages = { "owner-refused", "child-reads-other" } },
		{ .name = "shared-tables", .body = shared_tables, .sabotages = { "punch-not", "closed-for-others", "closed-for-none" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
