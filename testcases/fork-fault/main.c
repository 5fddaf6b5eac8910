/* fork() copies every VMA and write-protects every private page while other threads fault: each VMA must be
 * write-locked until its page tables are copied, and the copy must not inherit the lock's state. Each child's exit
 * also tears an address space down while its VMAs' objects are being looked for. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "snapshot", .body = snapshot, .sabotages = { "snapshot-shared", "snapshot-torn" } },
		{ .name = "order", .body = order, .sabotages = { "order-reversed", "order-forgets" } },
		{ .name = "remap-during-fork", .body = remap_during_fork, .sabotages = { "fork-stale-page", "fork-lost-page" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "inherit", .body = inherit, .sabotages = { "inherit-shared", "inherit-dontfork", "inherit-offset" },
		  .moves = { "vma_lock_abort" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
