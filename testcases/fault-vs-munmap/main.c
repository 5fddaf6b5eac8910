/* Page faults against munmap() and mmap() of the same range: the plainest race of a per-VMA lock, a reader that has
 * found a VMA against a writer that detaches and frees it. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ "anon-remap", anon_remap, { "stale-page", "lost-page", "early-unmap" } },
		{ "file-replace", file_replace, { "stale-map", "replace-gap" } },
		{ "punch-hole", punch_hole, { "hole-too-large", "hole-wrong-page" } },
		{ "sealed-munmap", sealed_munmap, { "seal-unmaps", "seal-wrong-data" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
