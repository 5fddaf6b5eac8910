/* brk() and stack expansion change the limits of a VMA that is in the tree already: it is stored again, not inserted,
 * and must neither be attached a second time nor be seen with half of its new limits. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ "brk-grow", brk_grow, { "brk-keeps", "brk-dirty" } },
		{ "grow-down", grow_down, { "down-fixed", "down-stays" } },
		{ "main-stack", main_stack, { "stack-loses", "stack-overwritten" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
