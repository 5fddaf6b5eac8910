// SPDX-License-Identifier: GPL-2.0-only
/* Pages with two kinds of users: those who map them, and those who hold them otherwise. Copy on write has to keep them apart,
 * or together, and a page that a socket gives to a mapping has to go with the mapping. */
#include "subtests.h"

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "splice", .body = splice_pages, .sabotages = { "child-sees", "pipe-sees" } },
		{ .name = "ring", .body = ring_buffers, .sabotages = { "pin-broken", "read-elsewhere" } },
		{ .name = "receive", .body = receive_pages, .sabotages = { "stream-shifted", "mapped-stays" } },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
