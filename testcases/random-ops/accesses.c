// SPDX-License-Identifier: GPL-2.0
/* Loads and stores: by instructions, by system calls for others, and of the files behind mappings.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "area.h"
#include "operations.h"
#include "tag.h"

void do_store(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	unsigned int end = at + (op->a % 4 ? 1 : count);

	for (unsigned int i = at; i < end && !world->failed; i++) {
		world_mark(world, i, 1);
		world_store(world, i);
		/* two cells may have one page: each gets a value of its own */
		world->model.newest++;
	}
	if (world_breaks(world, "store-lost") || world_breaks(world, "threads-lost") ||
	    world_breaks(world, "huge-lost"))
		madvise(world_cell(world, at), world_bytes(world, 1), MADV_DONTNEED);
}

void do_load(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	unsigned int end = at + (op->a % 4 ? 1 : count);

	for (unsigned int i = at; i < end && !world->failed; i++)
		world_load(world, i);
}

/* by a system call that reads or writes this process as if it were another */
static bool transfer(struct world *world, const struct op *op, unsigned int at, unsigned int page,
		     uint64_t *value)
{
	bool stores = op->kind == OP_MEM_STORE || op->kind == OP_VM_STORE;
	char *address = world_cell(world, at) + page * page_bytes();
	struct iovec here = { value, sizeof(*value) }, there = { address, sizeof(*value) };
	ssize_t got;

	if (op->kind == OP_MEM_STORE || op->kind == OP_MEM_LOAD)
		got = stores ? pwrite(world->memory_fd, value, sizeof(*value),
				      (off_t)(uintptr_t)address) :
			       pread(world->memory_fd, value, sizeof(*value),
				     (off_t)(uintptr_t)address);
	else
		got = stores ? process_vm_writev(getpid(), &here, 1, &there, 1, 0) :
			       process_vm_readv(getpid(), &here, 1, &there, 1, 0);
	return got == sizeof(*value);
}

/* Oracle: what the kernel reads and writes for others is what an instruction would, but for what
 * /proc/PID/mem may force: reading what is mapped without a right to, and writing private memory.
 */
void do_reach(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	bool stores = op->kind == OP_MEM_STORE || op->kind == OP_VM_STORE;
	bool forces = op->kind == OP_MEM_STORE || op->kind == OP_MEM_LOAD, forced;
	struct cell *cell = world_at(world, at);
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
	if (stores && got == ACCESS_OK && world->cell_pages > 1 &&
	    !transfer(world, op, at, world->cell_pages - 1, &value))
		world_fail(world, "the last page of cell %u cannot be written", at);
	forced = forces && cell_is_mapped(cell) && !(cell->flags & GUARDED) &&
		 !cell_is_beyond(&world->model, cell) &&
		 !(cell->rights & (stores ? MAY_STORE : MAY_LOAD)) &&
		 (!stores || cell->kind != SHARED);
	if (forced && ((cell->flags & ARMED && cell_presence(&world->model, cell) == ABSENT) ||
		       (stores && cell->flags & WARDED)))
		forced = false;
	if (!(forced || forecast_allows(forecast, got, stores) ||
	      (got != ACCESS_OK && forecast_allows(forecast, ACCESS_BUS, stores)))) {
		world_fail(world, "cell %u: %s, forecast %#x", at,
			   got == ACCESS_OK ? "success" : "refused", forecast.may);
		return;
	}
	if (got != ACCESS_OK)
		return;
	if (stores)
		model_stored(&world->model, at, world->model.newest);
	else
		model_loaded(&world->model, at);
	if (!stores && ((value && (!tag_valid(value) || tag_owner(value) != world->owner)) ||
			(!(forecast.may & LOAD_SEGV) &&
			 !forecast_has(forecast, value ? tag_generation(value) : 0))))
		world_fail(world, "cell %u has %#llx instead of %#llx", at,
			   (unsigned long long)value,
			   (unsigned long long)world_tag(world, forecast.value));
}

void do_file(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	unsigned int which = op_file(op), slot = op_slot(op);
	struct object *object = &world->model.object[which];
	uint64_t tag = world_tag(world, world->model.newest), seen = 0;
	off_t where = world_bytes(world, slot),
	      last = where + (world->cell_pages - 1) * page_bytes();

	(void)at, (void)count;
	if (op->kind == OP_RESIZE) {
		if (world_succeeded(world, "ftruncate", ftruncate(object->fd, where) == 0))
			model_object_resized(&world->model, which, slot);
		return;
	}
	if (slot >= object->cells)
		return;
	if (op->kind == OP_FILE_STORE) {
		if (world_succeeded(world, "pwrite",
				    pwrite(object->fd, &tag, sizeof(tag), where) == sizeof(tag) &&
					    pwrite(object->fd, &tag, sizeof(tag), last) ==
						    sizeof(tag)))
			model_object_stored(&world->model, which, slot, world->model.newest,
					    PRESENT);
		return;
	}
	/* Oracle: read(2) sees what mappings of the file stored. */
	if (world_succeeded(world, "pread",
			    pread(object->fd, &seen, sizeof(seen), where) == sizeof(seen)) &&
	    seen != world_tag(world, object->value[slot]))
		world_fail(world, "the file has %#llx instead of %#llx at %u",
			   (unsigned long long)seen,
			   (unsigned long long)world_tag(world, object->value[slot]), slot);
}
