/* The promise of mprotect(PROT_READ): when it has returned, the memory stands still. A write fault that has taken the
 * VMA before and maps its page writable afterwards breaks it, and nothing but the data shows that. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ "still-anon", still_anon, { "anon-unprotected", "anon-stays-protected" } },
		{ "still-fresh", still_fresh, { "fresh-unprotected" } },
		{ "still-shmem", still_shmem, { "shmem-unprotected" } },
		{ "still-page", still_page, { "page-unprotected", "page-unclaimed" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
