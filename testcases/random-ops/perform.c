// SPDX-License-Identifier: GPL-2.0
/* What each operation asks of the kernel, and what the model has of it afterwards. An operation is done to a run of cells that
 * all suit it, since system calls that fail half-way leave more than one state.
 *
 * Oracle of all: a system call that is right by the model does not fail, and one that is wrong does. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <unistd.h>

#include "area.h"
#include "tag.h"
#include "world.h"

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
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static int prot_of(unsigned int rights)
{
	return rights & MAY_STORE ? PROT_READ | PROT_WRITE : rights & MAY_LOAD ? PROT_READ : PROT_NONE;
}

static bool succeeded(struct world *world, const char *call, bool ok)
{
	if (!ok)
		world_fail(world, "%s fails: %s", call, strerrordesc_np(errno));
	return ok;
}

static struct cell *cell_at(struct world *world, unsigned int at)
{
	return &world->model.cell[at];
}

#define MANY_MAX 2u

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* ---- which cells suit */

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

/* A registration goes when its pages move, and takes that of its neighbours along when they merge: not modelled. */
static bool movable(const struct world *world, const struct op *op, unsigned int at)
{
	return mapped(world, op, at) && !(world->model.cell[at].flags & ARMED);
}

static bool movable_unlocked(const struct world *world, const struct op *op, unsigned int at)
{
	return movable(world, op, at) && unlocked(world, op, at);
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
	return cell_is_mapped(cell) && cell->rights && !(cell->flags & (ARMED | GUARDED)) && !cell_is_beyond(&world->model, cell);
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
	return mapped(world, op, at) && world->uffd >= 0 && world->cell_pages == 1 && !(world->model.cell[at].flags & (ARMED | GUARDED));
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

/* ---- mappings */

static void map_cells(struct world *world, unsigned int at, unsigned int count, struct cell first)
{
	for (unsigned int i = 0; i < count; i++) {
		*cell_at(world, at + i) = first;
		if (first.kind == SHARED || first.kind == COPY)
			cell_at(world, at + i)->slot += i;
	}
}

static bool all_holes(struct world *world, unsigned int at, unsigned int count)
{
	for (unsigned int i = at; i < at + count; i++)
		if (cell_is_mapped(cell_at(world, i)))
			return false;
	return true;
}

static void map(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	struct cell fresh = { .kind = op_kind_mapped(op), .rights = op_rights(op), .object = op_file(op) };
	bool own_object = op_maps_own_object(op), spares = op_spares(op), populates = op_populates(op);
	unsigned int object = model_free_object(&world->model);
	int flags = (fresh.kind == SHARED ? MAP_SHARED : MAP_PRIVATE) | (spares ? MAP_FIXED_NOREPLACE : MAP_FIXED);
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
	got = mmap(world_cell(world, at), world_bytes(world, count), prot_of(fresh.rights), flags | (populates && !world->model.crowded ? MAP_POPULATE : 0),
		   flags & MAP_ANONYMOUS ? -1 : world->model.object[fresh.object].fd,
		   flags & MAP_ANONYMOUS ? 0 : world_bytes(world, fresh.slot));
	if (spares && !all_holes(world, at, count)) {
		if (got != MAP_FAILED || errno != EEXIST)
			world_fail(world, "mmap over a mapping with MAP_FIXED_NOREPLACE: %s",
				   got == MAP_FAILED ? strerrordesc_np(errno) : "success");
		return;
	}
	if (!succeeded(world, "mmap", got == world_cell(world, at)))
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

static void unmap(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	(void)op;
	world_mark(world, at, count);
	if (world_breaks(world, "unmap-stays") || world_breaks(world, "threads-stale") || world_breaks(world, "foreign-stale") ||
	    succeeded(world, "munmap", munmap(world_cell(world, at), world_bytes(world, count)) == 0))
		map_cells(world, at, count, (struct cell){ .kind = HOLE });
}

static void protect(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	unsigned int rights = op_rights(op), more = at + count < CELLS && world_breaks(world, "protects-more");
	bool nothing = world_breaks(world, "protects-nothing") || world_breaks(world, "threads-unprotected");

	world_mark(world, at, count);
	if (!nothing && !succeeded(world, "mprotect", mprotect(world_cell(world, at), world_bytes(world, count + more),
								   prot_of(rights)) == 0))
		return;
	for (unsigned int i = at; i < at + count; i++) {
		struct cell *cell = cell_at(world, i);

		cell->rights = rights;
		/* what is locked is made present as soon as it may be */
		if (cell->flags & LOCKED)
			model_populated(&world->model, i);
	}
}

static void move(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	bool keeps = op->kind == OP_MOVE_KEEP;
	unsigned int to = op_target(op, at, count);
	size_t bytes = world_bytes(world, count);
	void *got;

	if (to == CELLS)
		return;
	world_mark(world, at, count);
	world_mark(world, to, count);
	got = mremap(world_cell(world, at), bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED | (keeps ? MREMAP_DONTUNMAP : 0),
		     world_cell(world, to));
	/* Cells that are alike may still be of several VMAs. Whether the target is gone then depends on the kernel. */
	if (got == MAP_FAILED && errno == EFAULT && count > 1) {
		if (succeeded(world, "munmap", munmap(world_cell(world, to), bytes) == 0))
			map_cells(world, to, count, (struct cell){ .kind = HOLE });
		return;
	}
	if (!succeeded(world, "mremap", got == world_cell(world, to)))
		return;
	memcpy(cell_at(world, to), cell_at(world, at), count * sizeof(struct cell));
	if (world_breaks(world, "move-loses"))
		madvise(world_cell(world, to), bytes, MADV_DONTNEED);
	for (unsigned int i = at; i < at + count; i++) {
		if (!keeps)
			*cell_at(world, i) = (struct cell){ .kind = HOLE };
		else
			model_dropped(&world->model, i);
		cell_at(world, i)->flags &= ~GUARDED;
	}
}

static void grow(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	struct cell *cell = cell_at(world, at), fresh = *cell;
	unsigned int more = 1, most = 1 + op->b % 6;

	(void)count;
	while (more < most && at + more + 1 < CELLS && !cell_is_mapped(cell + more + 1) &&
	       (cell->kind == ANON || cell->slot + more + 1u < OBJECT_CELLS))
		more++;
	world_mark(world, at, 1 + more);
	if (!succeeded(world, "mremap to grow", mremap(world_cell(world, at), world_bytes(world, 1), world_bytes(world, 1 + more),
						       0) == world_cell(world, at)))
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

static void shrink(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	unsigned int kept = count > 1 ? 1 + op->b % (count - 1) : 1;
	void *got;

	if (count == 1)
		return;
	world_mark(world, at, count);
	got = mremap(world_cell(world, at), world_bytes(world, count), world_bytes(world, kept), 0);
	if (got == MAP_FAILED && errno == EFAULT)
		return;                 /* of several VMAs */
	if (succeeded(world, "mremap to shrink", got == world_cell(world, at)))
		map_cells(world, at + kept, count - kept, (struct cell){ .kind = HOLE });
}

/* ---- advice */

static void advise(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	static const int hints[] = { MADV_DONTDUMP, MADV_DODUMP, MADV_RANDOM, MADV_SEQUENTIAL, MADV_NORMAL, MADV_DODUMP };
	bool first = op_is_first(op);
	int advice = 0, got;

	switch (op->kind) {
	case OP_DONTNEED: advice = MADV_DONTNEED; break;
	case OP_FREE: advice = MADV_FREE; break;
	case OP_COLD: advice = MADV_COLD; break;
	case OP_PAGEOUT: advice = MADV_PAGEOUT; break;
	case OP_HUGE: advice = op->a % 3 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE; break;
	case OP_COLLAPSE: advice = MADV_COLLAPSE; break;
	case OP_HINT: advice = hints[op->a % 6]; break;
	case OP_REMOVE: advice = MADV_REMOVE; break;
	case OP_WIPE: advice = first ? MADV_KEEPONFORK : MADV_WIPEONFORK; break;
	case OP_KEEP_BACK: advice = first ? MADV_DOFORK : MADV_DONTFORK; break;
	case OP_GUARD: advice = MADV_GUARD_INSTALL; break;
	case OP_UNGUARD: advice = MADV_GUARD_REMOVE; break;
	}
	world_mark(world, at, count);
	got = madvise(world_cell(world, at), world_bytes(world, count), advice);
	if (got != 0 && (op->kind == OP_COLLAPSE || (errno == EINVAL && (op->kind == OP_GUARD || op->kind == OP_UNGUARD ||
									   op->kind == OP_HUGE))))
		return;                 /* not in this kernel, or not possible now */
	if (!succeeded(world, "madvise", got == 0))
		return;
	for (unsigned int i = at; i < at + count; i++) {
		struct cell *cell = cell_at(world, i);

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
			cell->flags = first || world_breaks(world, "wipe-forgotten") ? cell->flags & ~WIPED : cell->flags | WIPED;
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

static void populate(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	bool stores = op_is_first(op) && cell_at(world, at)->rights & MAY_STORE;
	int advice = stores ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;

	world_mark(world, at, count);
	if (madvise(world_cell(world, at), world_bytes(world, count), advice) != 0) {
		if (errno != EINVAL)    /* Linux 5.14 */
			succeeded(world, "madvise to populate", false);
		return;
	}
	for (unsigned int i = at; i < at + count; i++) {
		if (stores)
			model_populated(&world->model, i);
		model_loaded(&world->model, i);
	}
}

static void lock(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	bool later = op->kind == OP_LOCK_LATER;
	int got;

	world_mark(world, at, count);
	if (op->kind == OP_UNLOCK) {
		got = world_breaks(world, "lock-stays") ? 0 : munlock(world_cell(world, at), world_bytes(world, count));
		if (succeeded(world, "munlock", got == 0))
			for (unsigned int i = at; i < at + count; i++)
				cell_at(world, i)->flags &= ~LOCKED;
		return;
	}
	got = mlock2(world_cell(world, at), world_bytes(world, count), later ? MLOCK_ONFAULT : 0);
	if (!succeeded(world, "mlock2", got == 0))
		return;
	for (unsigned int i = at; i < at + count; i++) {
		cell_at(world, i)->flags |= LOCKED;
		if (!later)
			model_populated(&world->model, i);
	}
}

static void sync_cells(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	int flags = op_is_first(op) ? MS_SYNC : MS_ASYNC;

	succeeded(world, "msync", msync(world_cell(world, at), world_bytes(world, count), flags) == 0);
}

#define PAGES_MAX 1024                  /* of a cell */

static bool can_swap(void)
{
	struct sysinfo info;

	return sysinfo(&info) != 0 || info.totalswap;
}

/* Oracle: the kernel finds a page where something was stored, and none where nothing can have made one. */
static void ask_residence(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	const struct cell *cell = cell_at(world, at);
	unsigned char pages[PAGES_MAX] = { 0 };

	(void)op, (void)count;
	if (world->cell_pages > sizeof(pages) ||
	    !succeeded(world, "mincore", mincore(world_cell(world, at), world_bytes(world, 1), pages) == 0))
		return;
	if ((cell->present == PRESENT && !(pages[0] & 1) && !can_swap()) || (cell->present == ABSENT && pages[0] & 1))
		world_fail(world, "mincore: a page is%s resident", pages[0] & 1 ? "" : " not");
}

/* ---- accesses */

static void store_cells(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	unsigned int end = at + (op->a % 4 ? 1 : count);

	for (unsigned int i = at; i < end && !world->failed; i++) {
		world_mark(world, i, 1);
		world_store(world, i);
		/* two cells may have one page: each gets a value of its own */
		world->model.newest++;
	}
	if (world_breaks(world, "store-lost") || world_breaks(world, "threads-lost") || world_breaks(world, "huge-lost"))
		madvise(world_cell(world, at), world_bytes(world, 1), MADV_DONTNEED);
}

static void load_cells(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	unsigned int end = at + (op->a % 4 ? 1 : count);

	for (unsigned int i = at; i < end && !world->failed; i++)
		world_load(world, i);
}

/* by a system call that reads or writes this process as if it were another */
static bool transfer(struct world *world, const struct op *op, unsigned int at, unsigned int page, uint64_t *value)
{
	bool stores = op->kind == OP_MEM_STORE || op->kind == OP_VM_STORE;
	char *address = world_cell(world, at) + page * page_bytes();
	struct iovec here = { value, sizeof(*value) }, there = { address, sizeof(*value) };
	ssize_t got;

	if (op->kind == OP_MEM_STORE || op->kind == OP_MEM_LOAD)
		got = stores ? pwrite(world->memory_fd, value, sizeof(*value), (off_t)(uintptr_t)address) :
			       pread(world->memory_fd, value, sizeof(*value), (off_t)(uintptr_t)address);
	else
		got = stores ? process_vm_writev(getpid(), &here, 1, &there, 1, 0) :
			       process_vm_readv(getpid(), &here, 1, &there, 1, 0);
	return got == sizeof(*value);
}

/* Oracle: what the kernel reads and writes for others is what an instruction would, but for what /proc/PID/mem may force:
 * reading what is mapped without a right to, and writing private memory. */
static void reach(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	bool stores = op->kind == OP_MEM_STORE || op->kind == OP_VM_STORE;
	bool forces = op->kind == OP_MEM_STORE || op->kind == OP_MEM_LOAD, forced;
	struct cell *cell = cell_at(world, at);
	struct forecast forecast = model_forecast(&world->model, at);
	enum access got;
	uint64_t value = stores ? world_tag(world, world->model.newest) : 0;

	(void)count;
	if ((forces ? world->memory_fd < 0 : false))
		return;
	world_mark(world, at, 1);
	errno = 0;
	got = transfer(world, op, at, 0, &value) ? ACCESS_OK : ACCESS_SEGV;
	if (got != ACCESS_OK && errno == ENOSYS)
		return;
	if (stores && got == ACCESS_OK && world->cell_pages > 1 && !transfer(world, op, at, world->cell_pages - 1, &value))
		world_fail(world, "the last page of cell %u cannot be written", at);
	forced = forces && cell_is_mapped(cell) && !(cell->flags & GUARDED) && !cell_is_beyond(&world->model, cell) &&
		 !(cell->rights & (stores ? MAY_STORE : MAY_LOAD)) && (!stores || cell->kind != SHARED);
	if (forced && cell->flags & ARMED && cell_presence(&world->model, cell) == ABSENT)
		forced = false;
	if (!(forced || forecast_allows(forecast, got, stores) || (got != ACCESS_OK && forecast_allows(forecast, ACCESS_BUS, stores)))) {
		world_fail(world, "cell %u: %s, forecast %#x", at, got == ACCESS_OK ? "success" : "refused", forecast.may);
		return;
	}
	if (got != ACCESS_OK)
		return;
	if (stores)
		model_stored(&world->model, at, world->model.newest);
	else
		model_loaded(&world->model, at);
	if (!stores && ((value && (!tag_valid(value) || tag_owner(value) != world->owner)) ||
			(!(forecast.may & LOAD_SEGV) && !forecast_has(forecast, value ? tag_generation(value) : 0))))
		world_fail(world, "cell %u has %#llx instead of %#llx", at, (unsigned long long)value,
			   (unsigned long long)world_tag(world, forecast.value));
}

/* ---- memory files */

static void use_file(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	unsigned int which = op_file(op), slot = op_slot(op);
	struct object *object = &world->model.object[which];
	uint64_t tag = world_tag(world, world->model.newest), seen = 0;
	off_t where = world_bytes(world, slot), last = where + (world->cell_pages - 1) * page_bytes();

	(void)at, (void)count;
	if (op->kind == OP_RESIZE) {
		if (succeeded(world, "ftruncate", ftruncate(object->fd, where) == 0))
			model_object_resized(&world->model, which, slot);
		return;
	}
	if (slot >= object->cells)
		return;
	if (op->kind == OP_FILE_STORE) {
		if (succeeded(world, "pwrite", pwrite(object->fd, &tag, sizeof(tag), where) == sizeof(tag) &&
						       pwrite(object->fd, &tag, sizeof(tag), last) == sizeof(tag)))
			model_object_stored(&world->model, which, slot, world->model.newest, PRESENT);
		return;
	}
	/* Oracle: read(2) sees what mappings of the file stored. */
	if (succeeded(world, "pread", pread(object->fd, &seen, sizeof(seen), where) == sizeof(seen)) &&
	    seen != world_tag(world, object->value[slot]))
		world_fail(world, "the file has %#llx instead of %#llx at %u", (unsigned long long)seen,
			   (unsigned long long)world_tag(world, object->value[slot]), slot);
}

/* ---- userfaultfd */

static struct uffdio_range range_of(struct world *world, unsigned int at, unsigned int count)
{
	return (struct uffdio_range){ (uintptr_t)world_cell(world, at), world_bytes(world, count) };
}

static void drop_unlocked(struct world *world, unsigned int at, unsigned int count)
{
	for (unsigned int i = at; i < at + count; i++) {
		if (cell_at(world, i)->kind != ANON || cell_at(world, i)->flags & LOCKED)
			continue;
		if (succeeded(world, "madvise", madvise(world_cell(world, i), world_bytes(world, 1), MADV_DONTNEED) == 0))
			model_dropped(&world->model, i);
	}
}

static void arm(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	struct uffdio_register reg = { .range = range_of(world, at, count), .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_range range = reg.range;
	bool arms = op->kind == OP_ARM;
	int got;

	world_mark(world, at, count);
	if (arms && world_breaks(world, "arm-forgotten"))
		got = 0;
	else
		got = arms ? ioctl(world->uffd, UFFDIO_REGISTER, &reg) : ioctl(world->uffd, UFFDIO_UNREGISTER, &range);
	if (!succeeded(world, arms ? "UFFDIO_REGISTER" : "UFFDIO_UNREGISTER", got == 0))
		return;
	/* Empty from now on: a fault that began before, and knows nothing of it, must not bring a page any more. */
	if (arms && op_is_first(op))
		drop_unlocked(world, at, count);
	for (unsigned int i = at; i < at + count; i++)
		cell_at(world, i)->flags = arms ? cell_at(world, i)->flags | ARMED : cell_at(world, i)->flags & ~ARMED;
}

/* Oracle: an absent page is filled, one that is there is left alone. */
static void fill(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	struct cell *cell = cell_at(world, at);
	enum present before = cell->kind == COPY && !(cell->flags & OWN) ? UNSURE : cell_presence(&world->model, cell);
	bool zero = op->kind == OP_FILL_ZERO;
	struct uffdio_zeropage zeropage = { .range = range_of(world, at, 1) };
	struct uffdio_copy copy = {
		.dst = zeropage.range.start, .src = (uintptr_t)world->source, .len = zeropage.range.len,
	};
	uint64_t tag = world_tag(world, world->model.newest);
	int64_t filled;

	(void)count;
	memcpy(world->source, &tag, sizeof(tag));
	memcpy(world->source + (world->cell_pages - 1) * page_bytes(), &tag, sizeof(tag));
	world_mark(world, at, 1);
	if (ioctl(world->uffd, zero ? UFFDIO_ZEROPAGE : UFFDIO_COPY, zero ? (void *)&zeropage : (void *)&copy) != 0 &&
	    errno != EEXIST && errno != EAGAIN) {
		succeeded(world, zero ? "UFFDIO_ZEROPAGE" : "UFFDIO_COPY", false);
		return;
	}
	filled = zero ? zeropage.zeropage : copy.copy;
	if (filled == (int64_t)zeropage.range.len) {
		if (before == PRESENT)
			world_fail(world, "a page was filled that was there");
		model_stored(&world->model, at, zero ? 0 : world->model.newest);
	} else if (before == ABSENT && filled != -EAGAIN) {
		world_fail(world, "a page that is absent cannot be filled: %lld", (long long)filled);
	}
}

static void use_heap(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	(void)at, (void)count;
	columns_heap(world, op);
}

static void use_stack(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	(void)at, (void)count;
	columns_stack(world, op);
}

static void fork_world(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	(void)at, (void)count;
	perform_fork(world, op);
}

static void vfork_world(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	(void)at, (void)count;
	perform_vfork(world, op);
}

static void count_world(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	(void)at, (void)count;
	if (op->kind == OP_VERIFY)
		world_verify(world);
	else
		world_compare_counts(world);
}

/* ---- all of them */

static const struct form {
	void (*go)(struct world *world, const struct op *op, unsigned int at, unsigned int count);
	suits *suits;
	bool alike;                     /* the cells continue each other */
	bool many;                      /* takes long for many pages */
} forms[OP_KINDS] = {
	[OP_MAP] = { map, any, false }, [OP_UNMAP] = { unmap, any, false }, [OP_PROTECT] = { protect, mapped, false },
	[OP_MOVE] = { move, movable, true }, [OP_MOVE_KEEP] = { move, movable_unlocked, true },
	[OP_GROW] = { grow, growable, false }, [OP_SHRINK] = { shrink, mapped, false },
	[OP_DONTNEED] = { advise, unlocked, false }, [OP_FREE] = { advise, anon_unlocked, false }, [OP_COLD] = { advise, unlocked, false },
	[OP_PAGEOUT] = { advise, unlocked, false }, [OP_POPULATE] = { populate, populatable, true, true },
	[OP_HUGE] = { advise, mapped, false }, [OP_COLLAPSE] = { advise, mapped, true }, [OP_HINT] = { advise, mapped, false },
	[OP_REMOVE] = { advise, removable, false }, [OP_WIPE] = { advise, anon, false },
	[OP_KEEP_BACK] = { advise, mapped, false }, [OP_GUARD] = { advise, anon_to_guard, false },
	[OP_UNGUARD] = { advise, anon_to_guard, false },
	[OP_LOCK] = { lock, populatable, false, true }, [OP_LOCK_LATER] = { lock, mapped, false }, [OP_UNLOCK] = { lock, mapped, false },
	[OP_SYNC] = { sync_cells, mapped, false }, [OP_RESIDENT] = { ask_residence, anon, false },
	[OP_STORE] = { store_cells, any, false }, [OP_LOAD] = { load_cells, any, false },
	[OP_MEM_STORE] = { reach, any, false }, [OP_MEM_LOAD] = { reach, any, false },
	[OP_VM_STORE] = { reach, any, false }, [OP_VM_LOAD] = { reach, any, false },
	[OP_FILE_STORE] = { use_file, any, false }, [OP_FILE_LOAD] = { use_file, any, false }, [OP_RESIZE] = { use_file, any, false },
	[OP_ARM] = { arm, to_arm, false }, [OP_DISARM] = { arm, armed, false }, [OP_FILL] = { fill, armed_inside, false },
	[OP_FILL_ZERO] = { fill, armed_anon, false },
	[OP_FORK] = { fork_world, any, false }, [OP_VFORK] = { vfork_world, any, false }, [OP_HEAP] = { use_heap, any, false },
	[OP_STACK] = { use_stack, any, false }, [OP_COUNTS] = { count_world, any, false }, [OP_VERIFY] = { count_world, any, false },
};

void perform(struct world *world, const struct op *op)
{
	const struct form *form = &forms[op->kind];
	unsigned int at = op->at, looked = 0, count = 1, most = op->count;

	while (!form->suits(world, op, at) && looked++ < CELLS)
		at = (at + 1) % CELLS;
	if (looked > CELLS)
		return;
	if (form->many && world->model.crowded)
		most = least(most, MANY_MAX);
	while (count < most && at + count < CELLS && form->suits(world, op, at + count) &&
	       (!form->alike || cell_continues(cell_at(world, at), cell_at(world, at + count), count)))
		count++;
	if (world->resolved)
		*world->resolved = (struct op){ op->kind, at, count, op->a, op->b, op->seed };
	form->go(world, op, at, count);
}
