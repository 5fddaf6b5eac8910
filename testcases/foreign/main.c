// SPDX-License-Identifier: GPL-2.0-only
/* What a process does to the address space of another: the kernel looks VMAs up for it that it does not own, in an mm_struct
 * that it keeps alive by a reference of its own, while the owner goes on, forks, and exits. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "copy", .body = copy, .sabotages = { "target-untagged", "target-stays", "write-lost", "child-sees" } },
		{ .name = "trace", .body = trace, .sabotages = { "target-untagged", "poke-lost" } },
		{ .name = "ask", .body = ask, .sabotages = { "anchor-unmapped", "target-stays" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
