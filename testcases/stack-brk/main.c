/* brk() and stack expansion change the limits of a VMA that is in the tree already: it is stored again, not inserted,
 * and must neither be attached a second time nor be seen with half of its new limits. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "brk-grow", .body = brk_grow, .sabotages = { "brk-keeps", "brk-dirty" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "grow-down", .body = grow_down, .sabotages = { "down-fixed", "down-stays" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "main-stack", .body = main_stack, .sabotages = { "stack-loses", "stack-overwritten" },
		  .moves = { "vma_lock_abort" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
