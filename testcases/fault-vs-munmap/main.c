/* Page faults against munmap() and mmap() of the same range: the plainest race of a per-VMA lock, a reader that has
 * found a VMA against a writer that detaches and frees it. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "anon-remap", .body = anon_remap, .sabotages = { "stale-page", "lost-page", "early-unmap" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "file-replace", .body = file_replace, .sabotages = { "stale-map", "replace-gap" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "punch-hole", .body = punch_hole, .sabotages = { "hole-too-large", "hole-wrong-page" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "sealed-munmap", .body = sealed_munmap, .sabotages = { "seal-unmaps", "seal-wrong-data" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "failed-mmap", .body = failed_mmap, .sabotages = { "failed-mmap-unmaps", "failed-mmap-shifts" },
		  .moves = { "vma_lock_abort" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
