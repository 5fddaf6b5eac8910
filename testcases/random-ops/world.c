// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "area.h"
#include "child.h"
#include "tag.h"
#include "words.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1 /* Linux 5.11 */
#endif
#define HUGE_BYTES (2ul << 20)
#define REFUSALS_EVERY 4

void world_fail(struct world *world, const char *fmt, ...)
{
	char text[120], op[90] = "at the end";
	va_list args;

	world->failed = true;
	if (world->is_trial)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (world->op)
		op_print(world->op, op, sizeof(op));
	run_fail(world->run, "%s: %s%s", op, text, world->depth ? " (in a forked child)" : "");
}

bool world_succeeded(struct world *world, const char *call, bool ok)
{
	if (!ok)
		world_fail(world, "%s fails: %s", call, error_words(errno));
	return ok;
}

struct cell *world_at(struct world *world, unsigned int at)
{
	return &world->model.cell[at];
}

char *world_cell(const struct world *world, unsigned int at)
{
	return world->base + world_bytes(world, at);
}

size_t world_bytes(const struct world *world, unsigned int cells)
{
	return cells * world->cell_pages * page_bytes();
}

uint64_t world_tag(const struct world *world, uint32_t value)
{
	return value ? tag_make(world->owner, 0, value) : 0;
}

bool world_breaks(const struct world *world, const char *sabotage)
{
	return run_sabotaged(world->run, sabotage);
}

/* the value is in the first page of a cell and in its last */
static uint64_t *value_word(const struct world *world, unsigned int at, bool last)
{
	return (uint64_t *)(world_cell(world, at) +
			    (last ? (world->cell_pages - 1) * page_bytes() : 0));
}

/* Oracle: an access is refused exactly where the model says so. By mistake -> a VMA is missing, too
 * short or has flags of another. Not refused -> a page or a translation outlived its mapping. */
static bool judge_access(struct world *world, unsigned int at, struct forecast forecast,
			 enum access got, bool store)
{
	if (forecast_allows(forecast, got, store))
		return got == ACCESS_OK;
	world_fail(world, "%s of cell %u: %s, forecast %#x", store ? "store" : "load", at,
		   access_name(got), forecast.may);
	return false;
}

void world_load(struct world *world, unsigned int at)
{
	struct forecast forecast = model_forecast(&world->model, at);

	for (unsigned int last = 0; last <= (world->cell_pages > 1) && !world->failed; last++) {
		uint64_t value = 0;

		if (!judge_access(world, at, forecast,
				  fault_load(value_word(world, at, last), &value), false))
			return;
		/* Oracle: the value is the one stored last by any way. Another -> the page of
		 * another place, or of before a change; zero -> it was lost, by a second page or a
		 * zap of too much. */
		if ((value && (!tag_valid(value) || tag_owner(value) != world->owner ||
			       tag_generation(value) > world->model.newest)) ||
		    !forecast_has(forecast, value ? tag_generation(value) : 0))
			world_fail(world, "cell %u has %#llx instead of %#llx, forecast %#x", at,
				   (unsigned long long)value,
				   (unsigned long long)world_tag(world, forecast.value),
				   forecast.may);
	}
	model_loaded(&world->model, at);
}

void world_store(struct world *world, unsigned int at)
{
	struct forecast forecast = model_forecast(&world->model, at);
	uint64_t tag = world_tag(world, world->model.newest);

	if (!judge_access(world, at, forecast, fault_store(value_word(world, at, false), tag),
			  true))
		return;
	if (world->cell_pages > 1)
		judge_access(world, at, forecast, fault_store(value_word(world, at, true), tag),
			     true);
	model_stored(&world->model, at, world->model.newest);
}

/* ---- counters */

static long kib_of(const char *status, const char *name)
{
	const char *line = strstr(status, name);

	return line ? strtol(line + strlen(name), NULL, 10) : -1;
}

static long mapped_kib(const struct world *world)
{
	size_t pages = model_count(&world->model, 0) * world->cell_pages + world->heap.pages +
		       world->stack.pages;

	return pages * page_bytes() / 1024;
}

static bool read_status(char *status, size_t size)
{
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, status, size - 1);

	if (fd >= 0)
		close(fd);
	status[got > 0 ? got : 0] = '\0';
	return got > 0;
}

static long other_kib_now(const struct world *world)
{
	char status[4096];

	return read_status(status, sizeof(status)) ? kib_of(status, "VmSize:") - mapped_kib(world) :
						     0;
}

/* Oracle: what is mapped and what is locked, as the kernel counts it page by page, is what the
 * operations add up to. The kernel itself compares these counts with nothing: one that drifts ends
 * in a limit that refuses too early, or never. */
void world_compare_counts(struct world *world)
{
	long locked = world_bytes(world, model_count(&world->model, LOCKED)) / 1024,
	     mapped = mapped_kib(world);
	char status[4096];

	if (!world->alone || !world->other_kib || !read_status(status, sizeof(status)))
		return;
	if (kib_of(status, "VmLck:") != locked)
		world_fail(world, "VmLck is %ld KiB instead of %ld", kib_of(status, "VmLck:"),
			   locked);
	else if (kib_of(status, "VmSize:") - world->other_kib != mapped)
		world_fail(world, "VmSize is %ld KiB instead of %ld", kib_of(status, "VmSize:"),
			   mapped + world->other_kib);
}

/* ---- from nothing, and back */

static int open_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_SIGBUS };
	/* faults from inside the kernel are refused at once as well: nobody ever waits */
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* aligned so that huge pages fit, where they are wanted */
static char *reserve(struct run *run, size_t bytes, bool huge_aligned)
{
	size_t room = huge_aligned ? HUGE_BYTES : 0;
	char *at = area_reserve(run, (bytes + room) / page_bytes());

	return at && room ? at + (room - (uintptr_t)at % room) % room : at;
}

static int make_sealed(void)
{
	int fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool open_files(struct world *world)
{
	for (unsigned int i = 0; i < OBJECTS; i++) {
		struct object *object = &world->model.object[i];

		*object = (struct object){ .fd = i < FILES ?
							 memfd_create("random-ops", MFD_CLOEXEC) :
							 -1 };
		if (i >= FILES)
			continue;
		object->cells = OBJECT_CELLS;
		if (object->fd < 0 ||
		    ftruncate(object->fd, world_bytes(world, OBJECT_CELLS)) != 0) {
			run_fail_errno(world->run, "memory file");
			return false;
		}
	}
	return true;
}

static bool open_ways(struct world *world)
{
	world->memory_fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	world->uffd = open_uffd();
	return open_files(world);
}

bool world_open(struct world *world, struct run *run, const struct setup *setup)
{
	*world = (struct world){
		.run = run,
		.owner = setup->owner,
		.cell_pages = setup->cell_pages,
		.alone = setup->alone,
		.waits = setup->waits,
		.is_trial = setup->is_trial,
		.shadow = setup->shadow,
		.sealed_fd = make_sealed(),
	};
	world->model.watched = setup->shadow;
	world->model.crowded = setup->huge_aligned;
	world->base = reserve(run, world_bytes(world, CELLS), setup->huge_aligned);
	world->source = mmap(NULL, world_bytes(world, 1), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!world->base || world->source == MAP_FAILED || !open_ways(world))
		return false;
	for (unsigned int at = 0; at < CELLS; at++)
		world->model.cell[at] = (struct cell){ .kind = ANON };
	if (world->shadow) {
		world->shadow->base = world->base;
		world->shadow->cell_bytes = world_bytes(world, 1);
		world->shadow->owner = world->owner;
		for (unsigned int at = 0; at < CELLS; at++) {
			shadow_changing(world->shadow, at, 0);
			shadow_settled(world->shadow, at, model_forecast(&world->model, at));
		}
	}
	columns_open(world, setup->heap);
	return true;
}

void world_close(struct world *world)
{
	world_wait_for_kids(world);
	columns_reset(world);
	for (unsigned int i = 0; i < FILES; i++)
		close(world->model.object[i].fd);
	close(world->memory_fd);
	close(world->uffd);
	close(world->sealed_fd);
}

void world_reset(struct world *world)
{
	struct model *model = &world->model;

	world->op = NULL;
	for (unsigned int at = 0; world->shadow && at < CELLS; at++)
		shadow_changing(world->shadow, at, model->newest);
	if (mmap(world->base, world_bytes(world, CELLS), PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		world_fail(world, "starting anew: mmap: %s", error_words(errno));
	for (unsigned int i = 0; i < FILES; i++) {
		if (ftruncate(model->object[i].fd, 0) != 0 ||
		    ftruncate(model->object[i].fd, world_bytes(world, OBJECT_CELLS)) != 0)
			world_fail(world, "starting anew: ftruncate: %s", error_words(errno));
		model_object_resized(model, i, 0);
		model->object[i].cells = OBJECT_CELLS;
	}
	for (unsigned int at = 0; at < CELLS; at++)
		model->cell[at] = (struct cell){ .kind = ANON };
	model->newest = 0;
	model_settle(model);
	columns_reset(world);
	if (!world->other_kib)
		world->other_kib = other_kib_now(world);
	for (unsigned int at = 0; world->shadow && at < CELLS; at++)
		shadow_settled(world->shadow, at, model_forecast(model, at));
}

/* ---- a program */

/* which cells an operation may change is known only in part before it: all those of objects, if it
 * changes one */
static bool reaches_objects(const struct op *op)
{
	static const bool reaches[OP_KINDS] = {
		[OP_STORE] = true,	[OP_MEM_STORE] = true, [OP_VM_STORE] = true,
		[OP_FILE_STORE] = true, [OP_RESIZE] = true,    [OP_REMOVE] = true,
		[OP_FILL] = true,	[OP_REMAP] = true,
	};

	return reaches[op->kind];
}

void world_mark(struct world *world, unsigned int at, unsigned int count)
{
	if (world_breaks(world, "threads-untold") || world_breaks(world, "foreign-untold"))
		return;
	for (unsigned int i = at; world->shadow && i < at + count; i++)
		shadow_changing(world->shadow, i, world->model.newest);
}

bool world_perform(struct world *world, const struct op *op)
{
	struct model *model = &world->model;

	world->op = op;
	/* the same whatever became of the operation, so that programs without some are alike */
	model->newest++;
	for (unsigned int at = 0; at < CELLS; at++)
		if (reaches_objects(op) &&
		    (model->cell[at].kind == SHARED || model->cell[at].kind == COPY))
			world_mark(world, at, 1);
	perform(world, op);
	model_settle(model);
	for (unsigned int at = 0; world->shadow && at < CELLS; at++)
		shadow_settled(world->shadow, at, model_forecast(model, at));
	return !world->failed;
}

bool world_verify(struct world *world)
{
	for (unsigned int at = 0; at < CELLS && !world->failed; at++) {
		/* the signal of a refusal costs as much as a hundred loads: one in four is enough */
		if (model_forecast(&world->model, at).may & LOAD_GIVES ||
		    (at + world->model.newest) % REFUSALS_EVERY == 0)
			world_load(world, at);
	}
	columns_verify(world);
	if (!world->failed)
		world_compare_counts(world);
	return !world->failed;
}

void world_wait_for_kids(struct world *world)
{
	for (unsigned int i = 0; i < KIDS_MAX; i++) {
		if (world->kid[i] > 0)
			child_wait(world->run, world->kid[i]);
		world->kid[i] = 0;
	}
}

/* Only the calling thread is left, and it has a copy of everything private. */
void world_become_child(struct world *world)
{
	struct model *model = &world->model;

	world->depth++;
	world->shadow = NULL;
	world->alone = !model->watched && world->alone;
	for (unsigned int i = 0; i < KIDS_MAX; i++)
		world->kid[i] = 0;
	close(world->memory_fd);
	/* the parent's registers nothing of ours */
	close(world->uffd);
	model_inherited(model);
	if (world_breaks(world, "fork-loses"))
		madvise(world->base, world_bytes(world, 1 + CELLS / 2), MADV_DONTNEED);
	for (unsigned int at = 0; at < CELLS && !world->failed; at++) {
		struct cell *cell = &model->cell[at];

		/* who shortens a file takes the copies away that others have of its pages */
		if (cell_is_mapped(cell) && (cell->kind == ANON || world->waits))
			world_load(world, at);
		if (!cell_is_mapped(cell) || cell->kind == ANON)
			continue;
		/* what the parent goes on with is not ours to judge, nor to change */
		if (munmap(world_cell(world, at), world_bytes(world, 1)) != 0)
			world_fail(world, "munmap: %s", error_words(errno));
		*cell = (struct cell){ .kind = HOLE };
	}
	for (unsigned int i = 0; i < FILES; i++)
		close(model->object[i].fd);
	model->watched = false;
	if (!open_ways(world))
		world->failed = true;
}
