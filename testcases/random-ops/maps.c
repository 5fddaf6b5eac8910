// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "area.h"
#include "operations.h"
#include "words.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4 /* Linux 5.7 */
#endif

static int prot_of(unsigned int rights)
{
	return rights & MAY_STORE ? PROT_READ | PROT_WRITE :
	       rights & MAY_LOAD  ? PROT_READ :
				    PROT_NONE;
}

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static void map_cells(struct world *world, unsigned int at, unsigned int count, struct cell first)
{
	for (unsigned int i = 0; i < count; i++) {
		*world_at(world, at + i) = first;
		if (first.kind == SHARED || first.kind == COPY)
			world_at(world, at + i)->slot += i;
	}
}

static bool all_holes(struct world *world, unsigned int at, unsigned int count)
{
	for (unsigned int i = at; i < at + count; i++)
		if (cell_is_mapped(world_at(world, i)))
			return false;
	return true;
}

void do_map(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	struct cell fresh = { .kind = op_kind_mapped(op),
			      .rights = op_rights(op),
			      .object = op_file(op) };
	bool own_object = op_maps_own_object(op), spares = op_spares(op),
	     populates = op_populates(op);
	unsigned int object = model_free_object(&world->model);
	int flags = (fresh.kind == SHARED ? MAP_SHARED : MAP_PRIVATE) |
		    (spares ? MAP_FIXED_NOREPLACE : MAP_FIXED);
	void *got;

	count = least(count, OBJECT_CELLS);
	if (fresh.kind != ANON && !own_object) {
		fresh.slot = op_slot(op);
		count = least(count, OBJECT_CELLS - fresh.slot);
		if (world_breaks(world, "wrong-page"))
			fresh.slot += fresh.slot + count < OBJECT_CELLS;
	} else {
		flags |= MAP_ANONYMOUS;
	}
	if (own_object && object == OBJECTS)
		return;
	world_mark(world, at, count);
	got = mmap(world_cell(world, at), world_bytes(world, count), prot_of(fresh.rights),
		   flags | (populates && !world->model.crowded ? MAP_POPULATE : 0),
		   flags & MAP_ANONYMOUS ? -1 : world->model.object[fresh.object].fd,
		   flags & MAP_ANONYMOUS ? 0 : world_bytes(world, fresh.slot));
	if (spares && !all_holes(world, at, count)) {
		if (got != MAP_FAILED || errno != EEXIST)
			world_fail(world, "mmap over a mapping with MAP_FIXED_NOREPLACE: %s",
				   got == MAP_FAILED ? error_words(errno) : "success");
		return;
	}
	if (!world_succeeded(world, "mmap", got == world_cell(world, at)))
		return;
	if (own_object) {
		fresh.object = object;
		world->model.object[object] = (struct object){ .fd = -1, .cells = count };
	}
	if (world_breaks(world, "wrong-page") && !(flags & MAP_ANONYMOUS) && fresh.slot)
		fresh.slot--;
	map_cells(world, at, count, fresh);
	/* refused where the kernel has no huge pages, which changes nothing */
	if (world->model.crowded && fresh.kind == ANON)
		madvise(world_cell(world, at), world_bytes(world, count), MADV_HUGEPAGE);
	for (unsigned int i = at; populates && fresh.rights && i < at + count; i++)
		model_populated(&world->model, i);
}

void do_unmap(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	(void)op;
	world_mark(world, at, count);
	if (world_breaks(world, "unmap-stays") || world_breaks(world, "threads-stale") ||
	    world_breaks(world, "foreign-stale") ||
	    world_succeeded(world, "munmap",
			    munmap(world_cell(world, at), world_bytes(world, count)) == 0))
		map_cells(world, at, count, (struct cell){ .kind = HOLE });
}

void do_protect(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	unsigned int rights = op_rights(op),
		     more = at + count < CELLS && world_breaks(world, "protects-more");
	bool nothing = world_breaks(world, "protects-nothing") ||
		       world_breaks(world, "threads-unprotected");

	world_mark(world, at, count);
	if (!nothing &&
	    !world_succeeded(world, "mprotect",
			     mprotect(world_cell(world, at), world_bytes(world, count + more),
				      prot_of(rights)) == 0))
		return;
	for (unsigned int i = at; i < at + count; i++) {
		struct cell *cell = world_at(world, i);

		cell->rights = rights;
		/* what is locked is made present as soon as it may be */
		if (cell->flags & LOCKED)
			model_populated(&world->model, i);
	}
}

/* Another part of the file takes the place of this one, in one system call that maps anew what it
 * finds mapped. What else the mapping was told goes. */
void do_remap(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	struct cell fresh = *world_at(world, at);

	fresh.slot = op_slot(op);
	fresh.flags &= LOCKED;
	count = least(count, OBJECT_CELLS - fresh.slot);
	world_mark(world, at, count);
	if (!world_breaks(world, "remap-stays") &&
	    remap_file_pages(world_cell(world, at), world_bytes(world, count), 0,
			     world_bytes(world, fresh.slot) / page_bytes(), 0) != 0) {
		/* cells that are alike may still be of several VMAs, which is not refused by all
		 * kernels */
		if (errno != EINVAL || count == 1)
			world_succeeded(world, "remap_file_pages", false);
		return;
	}
	map_cells(world, at, count, fresh);
	for (unsigned int i = at; fresh.rights && i < at + count; i++)
		model_populated(&world->model, i);
}

void do_move(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	bool keeps = op->kind == OP_MOVE_KEEP;
	unsigned int to = op_target(op, at, count);
	size_t bytes = world_bytes(world, count);
	void *got;

	if (to == CELLS)
		return;
	world_mark(world, at, count);
	world_mark(world, to, count);
	got = mremap(world_cell(world, at), bytes, bytes,
		     MREMAP_MAYMOVE | MREMAP_FIXED | (keeps ? MREMAP_DONTUNMAP : 0),
		     world_cell(world, to));
	/* Cells that are alike may still be of several VMAs. Whether the target is gone then
	 * depends on the kernel. */
	if (got == MAP_FAILED && errno == EFAULT && count > 1) {
		if (world_succeeded(world, "munmap", munmap(world_cell(world, to), bytes) == 0))
			map_cells(world, to, count, (struct cell){ .kind = HOLE });
		return;
	}
	if (!world_succeeded(world, "mremap", got == world_cell(world, to)))
		return;
	memcpy(world_at(world, to), world_at(world, at), count * sizeof(struct cell));
	if (world_breaks(world, "move-loses"))
		madvise(world_cell(world, to), bytes, MADV_DONTNEED);
	for (unsigned int i = at; i < at + count; i++) {
		if (!keeps)
			*world_at(world, i) = (struct cell){ .kind = HOLE };
		else
			model_dropped(&world->model, i);
		world_at(world, i)->flags &= ~GUARDED;
	}
}

void do_grow(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	struct cell *cell = world_at(world, at), fresh = *cell;
	unsigned int more = 1, most = 1 + op->b % 6;

	(void)count;
	while (more < most && at + more + 1 < CELLS && !cell_is_mapped(cell + more + 1) &&
	       (cell->kind == ANON || cell->slot + more + 1u < OBJECT_CELLS))
		more++;
	world_mark(world, at, 1 + more);
	if (!world_succeeded(world, "mremap to grow",
			     mremap(world_cell(world, at), world_bytes(world, 1),
				    world_bytes(world, 1 + more), 0) == world_cell(world, at)))
		return;
	fresh.flags &= OF_MAPPING;
	fresh.present = ABSENT;
	fresh.value = 0;
	if (fresh.kind != ANON)
		fresh.slot++;
	map_cells(world, at + 1, more, fresh);
	for (unsigned int i = at + 1; fresh.flags & LOCKED && i <= at + more; i++)
		model_populated(&world->model, i);
}

void do_shrink(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	unsigned int kept = count > 1 ? 1 + op->b % (count - 1) : 1;
	void *got;

	if (count == 1)
		return;
	world_mark(world, at, count);
	got = mremap(world_cell(world, at), world_bytes(world, count), world_bytes(world, kept), 0);
	if (got == MAP_FAILED && errno == EFAULT)
		return; /* of several VMAs */
	if (world_succeeded(world, "mremap to shrink", got == world_cell(world, at)))
		map_cells(world, at + kept, count - kept, (struct cell){ .kind = HOLE });
}
