/* VMA objects are reused at once after being freed, by the same or by another process, while a fault may still hold
 * a pointer from its walk of the tree. The object stays a VMA, but it may be somebody else's by the time its lock is
 * taken: only the checks after taking it tell. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "same-mm", .body = same_mm, .sabotages = { "reuse-other-slot", "reuse-earlier-page", "reuse-still-mapped" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "cross-process", .body = cross_process, .sabotages = { "reuse-foreign-page" },
		  .moves = { "vma_lock_abort" } },
		{ .name = "exit-churn", .body = exit_churn, .sabotages = { "mayfly-foreign-page", "mayfly-dies" } },
		{ .name = "exec-churn", .body = exec_churn, .sabotages = { "exec-foreign-page", "exec-fails" } },
		{ .name = "kill-churn", .body = kill_churn, .sabotages = { "kill-foreign-page" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
