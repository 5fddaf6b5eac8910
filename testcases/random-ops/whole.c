// SPDX-License-Identifier: GPL-2.0
/* Operations on all VMAs of the address space, and what the kernel says about them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "operations.h"

#define MAPS_MAX 32768u

/* All is locked as it comes, and then nothing is: without waiting for pages. */
void do_lock_all(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	(void)op, (void)at, (void)count;
	if (!world->alone)
		return; /* others have locks of their own */
	if (!world_succeeded(world, "mlockall", mlockall(MCL_CURRENT | MCL_ONFAULT) == 0))
		return;
	if (!world_breaks(world, "lock-all-stays"))
		world_succeeded(world, "munlockall", munlockall() == 0);
	for (unsigned int i = 0; i < CELLS; i++)
		world_at(world, i)->flags &= ~LOCKED;
}

/* Forgets which pages were accessed, or written to. */
void do_clear_refs(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	const char kind = '1' + op->a % 4;
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	(void)at, (void)count;
	if (fd < 0)
		return; /* not in this kernel */
	world_succeeded(world, "writing to /proc/self/clear_refs", write(fd, &kind, 1) == 1);
	close(fd);
}

struct line {
	unsigned long start, end, offset;
	char rights[5];
};

/* All of it, as text. By no function of libc that allocates: what is mapped is counted. */
static bool read_maps(char *text)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got = 0;

	while (fd >= 0 && length < MAPS_MAX - 1 &&
	       (got = read(fd, text + length, MAPS_MAX - 1 - length)) > 0)
		length += (size_t)got;
	if (fd >= 0)
		close(fd);
	text[length] = '\0';
	return fd >= 0 && got == 0 && length < MAPS_MAX - 1;
}

/* what begins behind 'text', or NULL */
static const char *read_line(const char *text, struct line *line)
{
	const char *end = strchr(text, '\n');

	return end && sscanf(text, "%lx-%lx %4s %lx", &line->start, &line->end, line->rights,
			     &line->offset) == 4 ?
		       end + 1 :
		       NULL;
}

static void compare(struct world *world, unsigned int at, const struct line *line)
{
	const struct cell *cell = world_at(world, at);
	unsigned long address = (unsigned long)world_cell(world, at);
	bool has_file = cell->kind == SHARED || cell->kind == COPY;

	if (!line || line->start > address) {
		if (cell_is_mapped(cell))
			world_fail(world, "cell %u is not in /proc/self/maps", at);
		return;
	}
	if (!cell_is_mapped(cell))
		world_fail(world, "cell %u is in /proc/self/maps: %s", at, line->rights);
	else if ((line->rights[0] == 'r') != !!(cell->rights & MAY_LOAD) ||
		 (line->rights[1] == 'w') != !!(cell->rights & MAY_STORE) ||
		 (line->rights[3] == 's') != (cell->kind == SHARED))
		world_fail(world, "cell %u has the rights %s in /proc/self/maps", at, line->rights);
	else if (has_file &&
		 line->offset + (address - line->start) != world_bytes(world, cell->slot))
		world_fail(world, "cell %u begins at %#lx of its file in /proc/self/maps", at,
			   line->offset + (address - line->start));
}

/* Oracle: the kernel's own list has each cell where the model has it, with its rights and its place
 * in the file: a VMA that was split, merged, moved or copied wrongly, though nobody has accessed
 * it. */
void do_compare_maps(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	char text[MAPS_MAX];
	const char *rest = text;
	struct line line;

	(void)op, (void)at, (void)count;
	if (!world->alone)
		return;
	if (world_breaks(world, "maps-unlike"))
		munmap(world_cell(world, 0), world_bytes(world, 1));
	if (!read_maps(text))
		return;
	rest = read_line(rest, &line);
	for (unsigned int i = 0; i < CELLS && !world->failed; i++) {
		while (rest && line.end <= (unsigned long)world_cell(world, i))
			rest = read_line(rest, &line);
		compare(world, i, rest ? &line : NULL);
	}
}
