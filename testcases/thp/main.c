/* A huge page is one entry in the page tables and must be split when its VMA is; the fault that installs one takes a VMA
 * for 512 pages at once. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "huge-split", .body = huge_split, .sabotages = { "huge-lost", "huge-protected" },
		  .moves = { "thp_fault_alloc", "thp_split_pmd" } },
		{ .name = "huge-remap", .body = huge_remap, .sabotages = { "huge-stale", "huge-wrong-page" },
		  .moves = { "thp_fault_alloc" } },
		{ .name = "late-huge", .body = late_huge, .sabotages = { "late-allowed", "late-refused" },
		  .moves = { "thp_fault_alloc" } },
		{ .name = "late-split", .body = late_split, .sabotages = { "late-whole", "late-torn" },
		  .moves = { "thp_fault_alloc", "thp_split_pmd" } },
		{ .name = "huge-collapse", .body = huge_collapse, .sabotages = { "collapse-lost", "collapse-moved" },
		  .moves = { "thp_collapse_alloc", "vma_lock_abort" } },
		{ .name = "cross-collapse", .body = cross_collapse, .sabotages = { "cross-moved" },
		  .moves = { "thp_collapse_alloc", "vma_lock_abort" } },
		{ .name = "khugepaged", .body = huge_khugepaged, .sabotages = { "collapse-lost", "collapse-moved" },
		  .moves = { "thp_collapse_alloc" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
