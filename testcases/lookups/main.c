// SPDX-License-Identifier: GPL-2.0-only
/* Each system call that looks up a VMA is asked about each kind of VMA, at each border, above all where it must refuse. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "calm", .body = calm,
		  .sabotages = { "error-wrong", "refusal-forgotten", "word-lost", "rights-lost", "writer-stuck" } },
		{ .name = "storm", .body = storm, .sabotages = { "storm-error-wrong", "storm-word-lost", "storm-writer-stuck" } },
		{ .name = "foreign", .body = foreign, .sabotages = { "foreign-error-wrong", "dead-answers" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
