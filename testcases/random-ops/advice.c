// SPDX-License-Identifier: GPL-2.0
/* Advice, locks, and questions about what is there. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "operations.h"

/* newer than the headers that may be at hand */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

void do_advise(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	static const int hints[] = { MADV_DONTDUMP,   MADV_DODUMP, MADV_RANDOM,
				     MADV_SEQUENTIAL, MADV_NORMAL, MADV_DODUMP };
	bool first = op_is_first(op);
	int advice = 0, got;

	switch (op->kind) {
	case OP_DONTNEED:
		advice = MADV_DONTNEED;
		break;
	case OP_FREE:
		advice = MADV_FREE;
		break;
	case OP_COLD:
		advice = MADV_COLD;
		break;
	case OP_PAGEOUT:
		advice = MADV_PAGEOUT;
		break;
	case OP_HUGE:
		advice = op->a % 3 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;
		break;
	case OP_COLLAPSE:
		advice = MADV_COLLAPSE;
		break;
	case OP_HINT:
		advice = hints[op->a % 6];
		break;
	case OP_REMOVE:
		advice = MADV_REMOVE;
		break;
	case OP_WIPE:
		advice = first ? MADV_KEEPONFORK : MADV_WIPEONFORK;
		break;
	case OP_KEEP_BACK:
		advice = first ? MADV_DOFORK : MADV_DONTFORK;
		break;
	case OP_GUARD:
		advice = MADV_GUARD_INSTALL;
		break;
	case OP_UNGUARD:
		advice = MADV_GUARD_REMOVE;
		break;
	}
	world_mark(world, at, count);
	got = madvise(world_cell(world, at), world_bytes(world, count), advice);
	if (got != 0 && (op->kind == OP_COLLAPSE ||
			 (errno == EINVAL &&
			  (op->kind == OP_GUARD || op->kind == OP_UNGUARD || op->kind == OP_HUGE))))
		return; /* not in this kernel, or not possible now */
	if (!world_succeeded(world, "madvise", got == 0))
		return;
	for (unsigned int i = at; i < at + count; i++) {
		struct cell *cell = world_at(world, i);

		switch (op->kind) {
		case OP_DONTNEED:
			model_dropped(&world->model, i);
			break;
		case OP_FREE:
			/* until it is stored to again */
			cell->flags |= LAZY;
			if (cell->present == PRESENT)
				cell->present = UNSURE;
			break;
		case OP_REMOVE:
			model_object_stored(&world->model, cell->object, cell->slot, 0, ABSENT);
			break;
		case OP_WIPE:
			cell->flags = first || world_breaks(world, "wipe-forgotten") ?
					      cell->flags & ~WIPED :
					      cell->flags | WIPED;
			break;
		case OP_KEEP_BACK:
			cell->flags = first ? cell->flags & ~KEPT_BACK : cell->flags | KEPT_BACK;
			break;
		case OP_GUARD:
			model_dropped(&world->model, i);
			cell->flags |= GUARDED;
			break;
		case OP_UNGUARD:
			cell->flags &= ~GUARDED;
			break;
		}
	}
}

void do_populate(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	bool stores = op_is_first(op) && world_at(world, at)->rights & MAY_STORE;
	int advice = stores ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;

	world_mark(world, at, count);
	if (madvise(world_cell(world, at), world_bytes(world, count), advice) != 0) {
		if (errno != EINVAL) /* Linux 5.14 */
			world_succeeded(world, "madvise to populate", false);
		return;
	}
	for (unsigned int i = at; i < at + count; i++) {
		if (stores)
			model_populated(&world->model, i);
		model_loaded(&world->model, i);
	}
}

void do_lock(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	bool later = op->kind == OP_LOCK_LATER;
	int got;

	world_mark(world, at, count);
	if (op->kind == OP_UNLOCK) {
		got = world_breaks(world, "lock-stays") ?
			      0 :
			      munlock(world_cell(world, at), world_bytes(world, count));
		if (world_succeeded(world, "munlock", got == 0))
			for (unsigned int i = at; i < at + count; i++)
				world_at(world, i)->flags &= ~LOCKED;
		return;
	}
	got = mlock2(world_cell(world, at), world_bytes(world, count), later ? MLOCK_ONFAULT : 0);
	if (!world_succeeded(world, "mlock2", got == 0))
		return;
	for (unsigned int i = at; i < at + count; i++) {
		world_at(world, i)->flags |= LOCKED;
		if (!later)
			model_populated(&world->model, i);
	}
}

void do_sync(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	int flags = op_is_first(op) ? MS_SYNC : MS_ASYNC;

	world_succeeded(world, "msync",
			msync(world_cell(world, at), world_bytes(world, count), flags) == 0);
}

#define PAGES_MAX 1024 /* of a cell */

static bool can_swap(void)
{
	struct sysinfo info;

	return sysinfo(&info) != 0 || info.totalswap;
}

/* Oracle: the kernel finds a page where something was stored, and none where nothing can have made
 * one. */
void do_ask_residence(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	const struct cell *cell = world_at(world, at);
	unsigned char pages[PAGES_MAX] = { 0 };

	(void)op, (void)count;
	if (world->cell_pages > sizeof(pages) ||
	    !world_succeeded(world, "mincore",
			     mincore(world_cell(world, at), world_bytes(world, 1), pages) == 0))
		return;
	if ((cell->present == PRESENT && !(pages[0] & 1) && !can_swap()) ||
	    (cell->present == ABSENT && pages[0] & 1))
		world_fail(world, "mincore: a page is%s resident", pages[0] & 1 ? "" : " not");
}
