/* What becomes of VMAs when the kernel gets no memory half way: every call that changes an address space, with its first,
 * second, third, ... allocation failing, until it has none left to fail. Error paths that nothing else reaches. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "shared", .body = shared,
		  .sabotages = { "no-failures", "success-does-nothing", "failure-unmaps", "failure-protects",
				 "failure-hits-neighbour" } },
		{ .name = "private", .body = private,
		  .sabotages = { "success-does-nothing", "failure-unmaps", "failure-zaps", "failure-protects",
				 "failure-hits-neighbour", "fault-refused" } },
		{ .name = "heap", .body = heap_fails, .sabotages = { "success-does-nothing", "brk-moves" } },
		{ .name = "stack", .body = stack_fails, .sabotages = { "stack-loses", "stack-unmaps" } },
		{ .name = "fork", .body = fork_fails, .sabotages = { "failure-zaps", "fork-loses", "fork-dies" } },
		{ .name = "uffd", .body = uffd_fails, .sabotages = { "failed-copy-fills", "failed-copy-unmaps" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
