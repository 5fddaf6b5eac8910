// SPDX-License-Identifier: GPL-2.0
/* Which cells each operation suits, and performing it there. */
#include "operations.h"

#define MANY_MAX 2u /* cells of many pages, for what fills them page by page */

typedef bool suits(const struct world *world, const struct op *op, unsigned int at);

static bool any(const struct world *world, const struct op *op, unsigned int at)
{
	(void)world, (void)op, (void)at;
	return true;
}

static bool mapped(const struct world *world, const struct op *op, unsigned int at)
{
	(void)op;
	return cell_is_mapped(&world->model.cell[at]);
}

static bool unlocked(const struct world *world, const struct op *op, unsigned int at)
{
	return mapped(world, op, at) && !(world->model.cell[at].flags & LOCKED);
}

/* A registration goes when its pages move, and takes that of its neighbours along when they merge:
 * not modelled. */
static bool movable(const struct world *world, const struct op *op, unsigned int at)
{
	return mapped(world, op, at) && !(world->model.cell[at].flags & ARMED);
}

static bool movable_unlocked(const struct world *world, const struct op *op, unsigned int at)
{
	return movable(world, op, at) && unlocked(world, op, at);
}

/* mapped from a file, so that another part of it can be */
static bool remappable(const struct world *world, const struct op *op, unsigned int at)
{
	const struct cell *cell = &world->model.cell[at];

	return movable(world, op, at) && cell->kind == SHARED && cell->object < FILES;
}

static bool anon(const struct world *world, const struct op *op, unsigned int at)
{
	(void)op;
	return world->model.cell[at].kind == ANON;
}

static bool anon_unlocked(const struct world *world, const struct op *op, unsigned int at)
{
	return anon(world, op, at) && unlocked(world, op, at);
}

static bool anon_to_guard(const struct world *world, const struct op *op, unsigned int at)
{
	return anon(world, op, at) && !(world->model.cell[at].flags & (LOCKED | ARMED));
}

/* the kernel can make each page present that it may be asked for */
static bool populatable(const struct world *world, const struct op *op, unsigned int at)
{
	const struct cell *cell = &world->model.cell[at];

	(void)op;
	return cell_is_mapped(cell) && cell->rights && !(cell->flags & (ARMED | GUARDED)) &&
	       !cell_is_beyond(&world->model, cell);
}

static bool removable(const struct world *world, const struct op *op, unsigned int at)
{
	const struct cell *cell = &world->model.cell[at];

	return unlocked(world, op, at) && cell->kind == SHARED && cell->rights & MAY_STORE &&
	       !cell_is_beyond(&world->model, cell);
}

static bool growable(const struct world *world, const struct op *op, unsigned int at)
{
	const struct cell *cell = &world->model.cell[at];

	return movable(world, op, at) && at + 1 < CELLS && !cell_is_mapped(cell + 1) &&
	       (cell->kind == ANON || cell->slot + 1u < OBJECT_CELLS);
}

/* of a cell of many pages some may be filled and others not: not modelled */
static bool to_arm(const struct world *world, const struct op *op, unsigned int at)
{
	return mapped(world, op, at) && world->uffd >= 0 && world->cell_pages == 1 &&
	       !(world->model.cell[at].flags & (ARMED | GUARDED));
}

static bool armed(const struct world *world, const struct op *op, unsigned int at)
{
	(void)op;
	return world->uffd >= 0 && world->model.cell[at].flags & ARMED;
}

static bool armed_inside(const struct world *world, const struct op *op, unsigned int at)
{
	return armed(world, op, at) && !cell_is_beyond(&world->model, &world->model.cell[at]);
}

static bool armed_anon(const struct world *world, const struct op *op, unsigned int at)
{
	return armed_inside(world, op, at) && anon(world, op, at);
}

/* Only what is there for certain can be protected for certain. */
static bool wardable(const struct world *world, const struct op *op, unsigned int at)
{
	const struct cell *cell = &world->model.cell[at];

	(void)op;
	return cell->flags & WARDABLE && cell->present == PRESENT;
}

static bool warded(const struct world *world, const struct op *op, unsigned int at)
{
	(void)op;
	return world->model.cell[at].flags & WARDED;
}

static void do_compare(struct world *world, const struct op *op, unsigned int at,
		       unsigned int count)
{
	(void)at, (void)count;
	if (op->kind == OP_VERIFY)
		world_verify(world);
	else
		world_compare_counts(world);
}

static const struct form {
	operation *go;
	suits *suits;
	bool alike; /* the cells continue each other */
	bool many;  /* takes long for many pages */
} forms[OP_KINDS] = {
	[OP_MAP] = { .go = do_map, .suits = any },
	[OP_MAP_REFUSED] = { .go = do_map_refused, .suits = any },
	[OP_REMAP] = { .go = do_remap, .suits = remappable, .alike = true },
	[OP_UNMAP] = { .go = do_unmap, .suits = any },
	[OP_PROTECT] = { .go = do_protect, .suits = mapped },
	[OP_MOVE] = { .go = do_move, .suits = movable, .alike = true },
	[OP_MOVE_KEEP] = { .go = do_move, .suits = movable_unlocked, .alike = true },
	[OP_GROW] = { .go = do_grow, .suits = growable },
	[OP_SHRINK] = { .go = do_shrink, .suits = mapped },
	[OP_DONTNEED] = { .go = do_advise, .suits = unlocked },
	[OP_FREE] = { .go = do_advise, .suits = anon_unlocked },
	[OP_COLD] = { .go = do_advise, .suits = unlocked },
	[OP_PAGEOUT] = { .go = do_advise, .suits = unlocked },
	[OP_POPULATE] = { .go = do_populate, .suits = populatable, .alike = true, .many = true },
	[OP_HUGE] = { .go = do_advise, .suits = mapped },
	[OP_COLLAPSE] = { .go = do_advise, .suits = mapped, .alike = true },
	[OP_HINT] = { .go = do_advise, .suits = mapped },
	[OP_REMOVE] = { .go = do_advise, .suits = removable },
	[OP_WIPE] = { .go = do_advise, .suits = anon },
	[OP_KEEP_BACK] = { .go = do_advise, .suits = mapped },
	[OP_GUARD] = { .go = do_advise, .suits = anon_to_guard },
	[OP_UNGUARD] = { .go = do_advise, .suits = anon_to_guard },
	[OP_LOCK] = { .go = do_lock, .suits = populatable, .many = true },
	[OP_LOCK_LATER] = { .go = do_lock, .suits = mapped },
	[OP_UNLOCK] = { .go = do_lock, .suits = mapped },
	[OP_LOCK_ALL] = { .go = do_lock_all, .suits = any },
	[OP_NAME] = { .go = do_name, .suits = anon },
	[OP_MERGEABLE] = { .go = do_merge_alike, .suits = mapped },
	[OP_POLICY] = { .go = do_place, .suits = mapped },
	[OP_CLEAR_REFS] = { .go = do_clear_refs, .suits = any },
	[OP_SYNC] = { .go = do_sync, .suits = mapped },
	[OP_RESIDENT] = { .go = do_ask_residence, .suits = anon },
	[OP_STORE] = { .go = do_store, .suits = any },
	[OP_LOAD] = { .go = do_load, .suits = any },
	[OP_MEM_STORE] = { .go = do_reach, .suits = any },
	[OP_MEM_LOAD] = { .go = do_reach, .suits = any },
	[OP_VM_STORE] = { .go = do_reach, .suits = any },
	[OP_VM_LOAD] = { .go = do_reach, .suits = any },
	[OP_FILE_STORE] = { .go = do_file, .suits = any },
	[OP_FILE_LOAD] = { .go = do_file, .suits = any },
	[OP_RESIZE] = { .go = do_file, .suits = any },
	[OP_ARM] = { .go = do_arm, .suits = to_arm },
	[OP_DISARM] = { .go = do_arm, .suits = armed },
	[OP_FILL] = { .go = do_fill, .suits = armed_inside },
	[OP_FILL_ZERO] = { .go = do_fill, .suits = armed_anon },
	[OP_FILL_MOVE] = { .go = do_fill_by_move, .suits = armed_anon },
	[OP_WARD] = { .go = do_ward, .suits = wardable },
	[OP_UNWARD] = { .go = do_ward, .suits = warded },
	[OP_FORK] = { .go = do_fork, .suits = any },
	[OP_VFORK] = { .go = do_vfork, .suits = any },
	[OP_HEAP] = { .go = do_heap, .suits = any },
	[OP_STACK] = { .go = do_stack, .suits = any },
	[OP_COUNTS] = { .go = do_compare, .suits = any },
	[OP_MAPS] = { .go = do_compare_maps, .suits = any },
	[OP_VERIFY] = { .go = do_compare, .suits = any },
};

void perform(struct world *world, const struct op *op)
{
	const struct form *form = &forms[op->kind];
	unsigned int at = op->at, looked = 0, count = 1, most = op->count;

	while (!form->suits(world, op, at) && looked++ < CELLS)
		at = (at + 1) % CELLS;
	if (looked > CELLS)
		return;
	if (form->many && world->model.crowded && most > MANY_MAX)
		most = MANY_MAX;
	while (count < most && at + count < CELLS && form->suits(world, op, at + count) &&
	       (!form->alike ||
		cell_continues(world_at(world, at), world_at(world, at + count), count)))
		count++;
	if (world->resolved)
		*world->resolved = (struct op){ op->kind, at, count, op->a, op->b, op->seed };
	form->go(world, op, at, count);
}
