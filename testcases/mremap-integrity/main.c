/* mremap() moves page table entries from one VMA to another. A fault that slips in, on the old place or on the new,
 * installs a fresh page where the moved one belongs: no kernel report, but data is gone. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "move-anon", .body = move_anon, .sabotages = { "move-loses", "move-nothing", "move-elsewhere" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "move-shmem", .body = move_shmem, .sabotages = { "move-wrong-offset" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "grow-shrink", .body = grow_shrink, .sabotages = { "shrink-keeps", "grow-dirty" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "move-copies", .body = move_copies, .sabotages = { "copies-lost", "copies-stay-away" } },
		{ .name = "dontunmap", .body = dontunmap, .sabotages = { "dontunmap-copies", "dontunmap-loses" },
		  .moves = { "vma_lock_abort" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
