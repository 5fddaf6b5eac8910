// SPDX-License-Identifier: GPL-2.0-only
/* How the kernel keeps memory: which pages are huge, which are shared and by whom, and whether its accounts say so. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "anon-sizes", .body = anon_sizes,
		  .sabotages = { "never-ignored", "huge-refused", "other-refused", "not-cleared", "rss-lost", "ineligible", "uncounted" },
		  .moves = { "thp_fault_alloc" } },
		{ .name = "shmem-sizes", .body = shmem_sizes,
		  .sabotages = { "shmem-never-ignored", "shmem-huge-refused", "shmem-other-refused", "end-ignored", "blocks-lost",
				 "block-size", "shmem-ineligible", "uncounted" } },
		{ .name = "parts", .body = parts,
		  .sabotages = { "part-lost", "part-kept", "part-rss", "part-locked", "split-uncounted" },
		  .moves = { "thp_fault_alloc", "thp_split_pmd" } },
		{ .name = "shares", .body = shares,
		  .sabotages = { "copied-early", "copied-not", "store-seen", "file-copied", "file-dirty", "zeroes-used", "zeroes-stored" },
		  .moves = { "thp_fault_alloc", "thp_split_pmd" } },
		{ .name = "collapse", .body = collapse,
		  .sabotages = { "not-refused", "not-huge", "collapse-torn" },
		  .moves = { "thp_collapse_alloc" } },
		{ .name = "counts", .body = counts,
		  .sabotages = { "count-rss", "count-own", "count-share", "count-locked", "count-core", "count-scan", "count-sum" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
