/* madvise() and mlock() change what is mapped, not where: MADV_DONTNEED zaps pages under mmap_lock for reading, beside
 * faults; mlock() splits VMAs and faults their pages in itself. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "dontneed", .body = dontneed, .sabotages = { "dontneed-keeps", "dontneed-late" } },
		{ .name = "lock", .body = lock_pages, .sabotages = { "lock-drops", "lock-loses" } },
		{ .name = "mlocked", .body = mlocked, .sabotages = { "mlocked-not", "mlocked-refused" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
