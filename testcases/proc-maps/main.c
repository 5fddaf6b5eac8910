/* Whoever reads /proc/PID/maps walks the VMAs beside faults and beside those who split and merge them. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "maps", .body = maps, .sabotages = { "maps-hole", "maps-protection" } },
		{ .name = "smaps", .body = smaps, .sabotages = { "smaps-hole" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
