/* VMA objects are reused at once after being freed, by the same or by another process, while a fault may still hold
 * a pointer from its walk of the tree. The object stays a VMA, but it may be somebody else's by the time its lock is
 * taken: only the checks after taking it tell. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ "same-mm", same_mm, { "reuse-other-slot", "reuse-still-mapped" } },
		{ "cross-process", cross_process, { "reuse-foreign-page" } },
		{ "exit-churn", exit_churn, { "mayfly-foreign-page", "mayfly-dies" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
