/* The promise of mprotect(PROT_READ): when it has returned, the memory stands still. A write fault that has taken the
 * VMA before and maps its page writable afterwards breaks it, and nothing but the data shows that. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "still-anon", .body = still_anon, .sabotages = { "anon-unprotected", "anon-stays-protected" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "still-fresh", .body = still_fresh, .sabotages = { "fresh-unprotected" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "still-shmem", .body = still_shmem, .sabotages = { "shmem-unprotected" } },
		{ .name = "still-page", .body = still_page, .sabotages = { "page-unprotected", "page-unclaimed" },
		  .moves = { "vma_lock_abort" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
