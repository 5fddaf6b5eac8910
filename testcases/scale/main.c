/* How fast: page faults and the making and removing of mappings, by threads of one address space and by processes, after
 * the idea of will-it-scale's page_fault1 to 3 and mmap1 and 2, on little memory. The rates are for comparing kernels in
 * one guest; the pages are checked as everywhere. */
#include "subtests.h"

int main(int argc, char **argv)
{
	/* by processes: each has its VMAs for itself, so that its faults have no reason to fall back */
	static const struct subtest subtests[] = {
		{ .name = "page-fault1-threads", .body = fault1_threads, .sabotages = { "fault1-dirty" } },
		{ .name = "page-fault1-processes", .body = fault1_processes, .locked_percent = 50 },
		{ .name = "page-fault2-threads", .body = fault2_threads, .sabotages = { "fault2-dirty" } },
		{ .name = "page-fault2-processes", .body = fault2_processes, .locked_percent = 50 },
		{ .name = "page-fault3-threads", .body = fault3_threads, .sabotages = { "fault3-dirty" } },
		{ .name = "page-fault3-processes", .body = fault3_processes, .locked_percent = 50 },
		{ .name = "mmap1-threads", .body = mmap1_threads, .sabotages = { "mmap1-gone" } },
		{ .name = "mmap1-processes", .body = mmap1_processes },
		{ .name = "mmap2-threads", .body = mmap2_threads, .sabotages = { "mmap2-gone" } },
		{ .name = "mmap2-processes", .body = mmap2_processes },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
