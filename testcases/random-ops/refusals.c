// SPDX-License-Identifier: GPL-2.0
/* Mappings that cannot be made. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>

#include "operations.h"
#include "words.h"

/* Oracle: what is refused before anything was taken away leaves all as it is. Where the file itself
 * refuses, which the kernel learns when the VMA is half made, what was there may be gone by then:
 * so it is taken away first, and nothing may be there afterwards. */
void do_map_refused(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	bool late = op_is_first(op);
	int fd = late ? world->sealed_fd : world->memory_fd;

	world_mark(world, at, count);
	if (late)
		do_unmap(world, op, at, count);
	if (fd < 0 || world->failed)
		return;
	if (mmap(world_cell(world, at), world_bytes(world, count), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED)
		world_fail(world, "mmap of %s succeeds",
			   late ? "a sealed file, to store to it" : "/proc/self/mem");
	else if (errno != EPERM && errno != ENODEV)
		world_fail(world, "mmap that has to be refused: %s", error_words(errno));
}
