// SPDX-License-Identifier: GPL-2.0
/* Random operations against a model of what each page may hold and what each access may do: "an fsx
 * for address spaces". */
#include "subtests.h"

#define SETTINGS { "weights", "program", "replay" }

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "exact",
		  .body = exact,
		  .settings = SETTINGS,
		  .sabotages = { "unmap-stays", "protects-more", "protects-nothing", "move-loses",
				 "store-lost", "wipe-forgotten", "arm-forgotten", "lock-stays",
				 "wrong-page", "remap-stays", "ward-forgotten", "taken-stays",
				 "lock-all-stays", "maps-unlike" } },
		{ .name = "huge", .body = huge, .settings = SETTINGS, .sabotages = { "huge-lost" } },
		{ .name = "threads",
		  .body = threads,
		  .settings = SETTINGS,
		  .sabotages = { "threads-untold", "threads-stale", "threads-lost",
				 "threads-unprotected", "store-undone" } },
		{ .name = "processes",
		  .body = processes,
		  .settings = SETTINGS,
		  .sabotages = { "fork-loses" } },
		{ .name = "foreign",
		  .body = foreign,
		  .settings = SETTINGS,
		  .sabotages = { "foreign-untold", "foreign-stale" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
