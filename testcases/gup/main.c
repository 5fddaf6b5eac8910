/* Not only instructions fault: system calls read memory for a caller, or pin its pages and use them later. They look VMAs
 * up in ways of their own, next to the page faults that take a VMA's lock. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "peek-mem", .body = peek_mem, .sabotages = { "mem-stale", "mem-lost" } },
		{ .name = "peek-copy", .body = peek_copy, .sabotages = { "copy-stale" } },
		{ .name = "peek-vm-readv", .body = peek_vm_readv, .sabotages = { "readv-stale" } },
		{ .name = "pin", .body = pin, .sabotages = { "pin-other-page", "pin-refused" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
