/* userfaultfd takes VMAs to read and, for UFFDIO_MOVE, two of them: it must take none without giving it back. Its
 * faults also sleep with the VMA given up, so that whatever it was may be gone when they come back. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "missing", .body = missing, .sabotages = { "uffd-wrong-page", "uffd-zero" },
		  .moves = { "vma_lock_retry" } },
		{ .name = "remap", .body = remap, .sabotages = { "uffd-unregistered", "uffd-stays" },
		  .moves = { "vma_lock_retry" } },
		{ .name = "unregister", .body = unregister, .sabotages = { "uffd-not-again" }, .moves = { "vma_lock_retry" } },
		{ .name = "move", .body = move, .sabotages = { "uffd-moves-wrong", "uffd-move-leaves" },
		  .moves = { "vma_lock_retry" } },
		{ .name = "move-within", .body = move_within, .sabotages = { "uffd-stages-wrong", "uffd-stages-twice" },
		  .moves = { "vma_lock_retry" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
