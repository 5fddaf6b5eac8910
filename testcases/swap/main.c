// SPDX-License-Identifier: GPL-2.0-only
/* A page that comes back from swap is put where the fault found its entry, long after it looked: the read may take its time, and
 * in some kernels the lock of the VMA is given up for it. What became of the place meanwhile must be noticed. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "swap-in", .body = swap_in, .sabotages = { "kept-lost", "discard-not", "child-loses" },
		  .moves = { "pswpin", "pswpout" } },
		{ .name = "swap-in-late", .body = swap_in_late, .sabotages = { "kept-lost", "discard-not" },
		  .moves = { "pswpin", "pswpout" } },
		{ .name = "swap-shared", .body = swap_shared, .sabotages = { "discard-not", "shared-lost" },
		  .moves = { "pswpin", "pswpout" } },
		{ .name = "swap-compressed", .body = swap_compressed, .sabotages = { "kept-lost", "discard-not", "child-loses" },
		  .moves = { "zswpin", "zswpout" } },
		{ .name = "swap-off", .body = swap_off, .sabotages = { "kept-lost", "off-loses" },
		  .moves = { "pswpin", "pswpout" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
