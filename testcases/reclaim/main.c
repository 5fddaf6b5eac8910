/* The kernel takes pages from threads that use them: it walks the VMAs that map a page while page faults hold the locks of
 * VMAs, and under a limit it does so inside a page fault. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "pageout", .body = pageout,
		  .sabotages = { "nothing-freed", "lazy-stale", "lazy-lost", "kept-lost" }, .moves = { "pglazyfreed" } },
		{ .name = "pressure", .body = pressure, .sabotages = { "lazy-stale", "lazy-lost", "kept-lost", "filler-wrong" },
		  .moves = { "pglazyfreed", "pgsteal_file" } },
		{ .name = "fork", .body = pressure_fork, .sabotages = { "fork-loses" },
		  .moves = { "pglazyfreed", "pgsteal_file" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
