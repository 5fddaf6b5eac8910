// SPDX-License-Identifier: GPL-2.0-only
/* The ends of an address space: all of its VMAs go at once, while its threads, or those who only borrow it, are in the middle
 * of faults. What was written to shared memory before must be there after, and what is dumped must be what there was. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "vfork", .body = share, .sabotages = { "childs-lost", "childs-hole" } },
		{ .name = "leave", .body = leave, .sabotages = { "shared-lost", "shared-early" } },
		{ .name = "core", .body = core, .sabotages = { "core-other-page", "core-torn", "core-hole", "core-old" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
