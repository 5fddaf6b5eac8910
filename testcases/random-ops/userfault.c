// SPDX-License-Identifier: GPL-2.0
/* userfaultfd. Nobody ever waits: with its feature SIGBUS, an access of a page that is not there is
 * refused. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "area.h"
#include "operations.h"
#include "uffd_move.h"

static struct uffdio_range range_of(struct world *world, unsigned int at, unsigned int count)
{
	return (struct uffdio_range){ (uintptr_t)world_cell(world, at), world_bytes(world, count) };
}

static void drop_unlocked(struct world *world, unsigned int at, unsigned int count)
{
	for (unsigned int i = at; i < at + count; i++) {
		if (world_at(world, i)->kind != ANON || world_at(world, i)->flags & LOCKED)
			continue;
		if (world_succeeded(world, "madvise",
				    madvise(world_cell(world, i), world_bytes(world, 1),
					    MADV_DONTNEED) == 0))
			model_dropped(&world->model, i);
	}
}

static bool all_anon(struct world *world, unsigned int at, unsigned int count)
{
	for (unsigned int i = at; i < at + count; i++)
		if (world_at(world, i)->kind != ANON)
			return false;
	return true;
}

void do_arm(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	struct uffdio_register reg = { .range = range_of(world, at, count),
				       .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_range range = reg.range;
	bool arms = op->kind == OP_ARM, may_ward = arms && op->b % 2 && all_anon(world, at, count);
	uint16_t flags = may_ward ? ARMED | WARDABLE : ARMED;
	int got;

	if (may_ward)
		reg.mode |= UFFDIO_REGISTER_MODE_WP;

	world_mark(world, at, count);
	if (arms && world_breaks(world, "arm-forgotten"))
		got = 0;
	else
		got = arms ? ioctl(world->uffd, UFFDIO_REGISTER, &reg) :
			     ioctl(world->uffd, UFFDIO_UNREGISTER, &range);
	if (got != 0 && may_ward && errno == EINVAL)
		return; /* not on this architecture */
	if (!world_succeeded(world, arms ? "UFFDIO_REGISTER" : "UFFDIO_UNREGISTER", got == 0))
		return;
	/* Empty from now on: a fault that began before, and knows nothing of it, must not bring a
	 * page any more. */
	if (arms && op_is_first(op))
		drop_unlocked(world, at, count);
	for (unsigned int i = at; i < at + count; i++)
		world_at(world, i)->flags =
			arms ? world_at(world, i)->flags | flags :
			       world_at(world, i)->flags & ~(ARMED | WARDABLE | WARDED);
}

/* Oracle: an absent page is filled, one that is there is left alone. */
void do_fill(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	struct cell *cell = world_at(world, at);
	enum present before = cell->kind == COPY && !(cell->flags & OWN) ?
				      UNSURE :
				      cell_presence(&world->model, cell);
	bool zero = op->kind == OP_FILL_ZERO;
	struct uffdio_zeropage zeropage = { .range = range_of(world, at, 1) };
	struct uffdio_copy copy = {
		.dst = zeropage.range.start,
		.src = (uintptr_t)world->source,
		.len = zeropage.range.len,
	};
	uint64_t tag = world_tag(world, world->model.newest);
	int64_t filled;

	(void)count;
	memcpy(world->source, &tag, sizeof(tag));
	memcpy(world->source + (world->cell_pages - 1) * page_bytes(), &tag, sizeof(tag));
	world_mark(world, at, 1);
	if (ioctl(world->uffd, zero ? UFFDIO_ZEROPAGE : UFFDIO_COPY,
		  zero ? (void *)&zeropage : (void *)&copy) != 0 &&
	    errno != EEXIST && errno != EAGAIN) {
		world_succeeded(world, zero ? "UFFDIO_ZEROPAGE" : "UFFDIO_COPY", false);
		return;
	}
	filled = zero ? zeropage.zeropage : copy.copy;
	if (filled == (int64_t)zeropage.range.len) {
		if (before == PRESENT)
			world_fail(world, "a page was filled that was there");
		model_stored(&world->model, at, zero ? 0 : world->model.newest);
	} else if (before == ABSENT && filled != -EAGAIN) {
		world_fail(world, "a page that is absent cannot be filled: %lld",
			   (long long)filled);
	}
}

/* One page each, since kernels before 6.2 take no range of several VMAs. */
void do_ward(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	bool wards = op->kind == OP_WARD;

	world_mark(world, at, count);
	for (unsigned int i = at; i < at + count; i++) {
		struct uffdio_writeprotect protect = {
			.range = range_of(world, i, 1),
			.mode = wards ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
		};
		int got = wards && world_breaks(world, "ward-forgotten") ?
				  0 :
				  ioctl(world->uffd, UFFDIO_WRITEPROTECT, &protect);

		if (!world_succeeded(world, "UFFDIO_WRITEPROTECT", got == 0))
			return;
		world_at(world, i)->flags = wards ? world_at(world, i)->flags | WARDED :
						    world_at(world, i)->flags & ~WARDED;
	}
}

/* a cell whose page may be moved to cell 'to'; CELLS: none */
static unsigned int cell_to_take(struct world *world, const struct op *op, unsigned int to)
{
	const struct cell *target = world_at(world, to);

	for (unsigned int i = 0; i < CELLS; i++) {
		unsigned int at = (op->b + i) % CELLS;
		const struct cell *cell = world_at(world, at);

		if (at != to && cell->kind == ANON && cell->present == PRESENT &&
		    cell->rights == target->rights && cell->rights & MAY_STORE &&
		    !((cell->flags ^ target->flags) & LOCKED) && !(cell->flags & GUARDED))
			return at;
	}
	return CELLS;
}

/* Oracle: a page leaves one place and is at another, and at no time at both or none; where there is
 * one already nothing changes. */
void do_fill_by_move(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	enum present before = cell_presence(&world->model, world_at(world, at));
	unsigned int from = cell_to_take(world, op, at);
	struct uffdio_move move = { .dst = (uintptr_t)world_cell(world, at),
				    .len = world_bytes(world, 1) };

	(void)count;
	if (from == CELLS)
		return;
	move.src = (uintptr_t)world_cell(world, from);
	world_mark(world, at, 1);
	world_mark(world, from, 1);
	if (ioctl(world->uffd, UFFDIO_MOVE, &move) != 0) {
		/* older kernels; shared with a forked child, or in somebody's hands just now */
		if (errno != EINVAL && errno != EBUSY && errno != EAGAIN &&
		    !(errno == EEXIST && before != ABSENT))
			world_succeeded(world, "UFFDIO_MOVE", false);
		return;
	}
	if (before == PRESENT)
		world_fail(world, "a page was moved to where one was");
	model_stored(&world->model, at, world_at(world, from)->value);
	if (!world_breaks(world, "taken-stays"))
		model_dropped(&world->model, from);
}
