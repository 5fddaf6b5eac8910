/* Splits and merges: the VMAs that a fault can find change their limits, are freed and are allocated again several
 * times per system call, while the memory itself stays. Contended locks on VMAs that are adjusted but not removed are
 * met here, and hardly ever by unmapping whole ranges. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "protect-anon", .body = protect_anon, .sabotages = { "protect-too-much", "protect-nothing", "protect-loses" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "protect-shmem", .body = protect_shmem, .sabotages = { "shmem-wrong-page" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "advise-split", .body = advise_split, .sabotages = { "advise-unmaps", "advise-loses" } },
		{ .name = "moving-border", .body = moving_border, .sabotages = { "border-stays" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "fresh-borders", .body = fresh_borders, .sabotages = { "borders-stay", "borders-unclaimed" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "file-borders", .body = file_borders, .sabotages = { "file-shifted", "file-refused" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "anon-borders", .body = anon_borders, .sabotages = { "anon-stays", "anon-refused" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "stack-borders", .body = stack_borders, .sabotages = { "anon-stays", "anon-refused" },
		  .moves = { "vma_lock_abort" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
