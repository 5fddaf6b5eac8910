// SPDX-License-Identifier: GPL-2.0-only
/* Pages that are refused, to all or to the kernel, though their VMA says that they may be accessed. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "guard", .body = guard, .sabotages = { "guard-forgotten", "guard-spreads" } },
		{ .name = "secret", .body = secret, .sabotages = { "secret-lost", "secret-told" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
