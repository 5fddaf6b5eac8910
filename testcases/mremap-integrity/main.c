/* mremap() moves page table entries from one VMA to another. A fault that slips in, on the old place or on the new,
 * installs a fresh page where the moved one belongs: no splat, but data is gone. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ "move-anon", move_anon, { "move-loses", "move-nothing", "move-elsewhere" } },
		{ "move-shmem", move_shmem, { "move-wrong-offset" } },
		{ "grow-shrink", grow_shrink, { "shrink-keeps", "grow-dirty" } },
		{ "dontunmap", dontunmap, { "dontunmap-copies", "dontunmap-loses" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
