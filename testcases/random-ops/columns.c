// SPDX-License-Identifier: GPL-2.0
/* The heap, which brk() moves the end of, and a stack, which grows by being accessed. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "area.h"
#include "operations.h"
#include "words.h"

/* ---- the heap: page 0 is the lowest. libc must not use the heap meanwhile */

static char *heap_end(const struct world *world, unsigned int pages)
{
	return world->heap.end + pages * page_bytes();
}

static void heap_resize(struct world *world, unsigned int pages)
{
	char *got = (char *)syscall(SYS_brk, heap_end(world, pages));

	if (got != heap_end(world, pages)) {
		world_fail(world, "brk: wanted %p, got %p", (void *)heap_end(world, pages),
			   (void *)got);
		return;
	}
	for (unsigned int page = pages; page < HEAP_PAGES; page++)
		world->heap.value[page] = 0;
	world->heap.pages = pages;
}

/* ---- the stack: page 0 is the highest, the first that there is */

static uint64_t *stack_word(const struct world *world, unsigned int page)
{
	return (uint64_t *)(world->stack.end - (page + 1) * page_bytes());
}

static uint64_t *heap_word(const struct world *world, unsigned int page)
{
	return (uint64_t *)heap_end(world, page);
}

static void check(struct world *world, const char *what, uint64_t *word, uint32_t value,
		  bool mapped)
{
	uint64_t seen = 0;
	enum access got = fault_load(word, &seen);

	/* Oracle: what is mapped has its value, fresh pages are zero, and nothing is there behind
	 * the end. */
	if ((got == ACCESS_OK) != mapped || (mapped && seen != world_tag(world, value)))
		world_fail(world, "%s at %p: %s %#llx instead of %#llx", what, (void *)word,
			   access_name(got), (unsigned long long)seen,
			   (unsigned long long)world_tag(world, value));
}

static void put(struct world *world, struct column *column, const char *what, uint64_t *word,
		unsigned int page)
{
	if (fault_store(word, world_tag(world, world->model.newest)) != ACCESS_OK)
		world_fail(world, "%s at %p: a store is refused", what, (void *)word);
	column->value[page] = world->model.newest;
}

void do_heap(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	unsigned int page = op->b % HEAP_PAGES;

	(void)at, (void)count;
	if (!world->heap.end)
		return;
	if (op->a % 2)
		heap_resize(world, op->seed % (HEAP_PAGES + 1));
	check(world, "heap", heap_word(world, page), world->heap.value[page],
	      page < world->heap.pages);
	if (page < world->heap.pages && op->a % 4 >= 2)
		put(world, &world->heap, "heap", heap_word(world, page), page);
}

/* The rest is given back; what is left grows again. */
static void stack_cut(struct world *world, unsigned int pages)
{
	char *low = world->stack.end - STACK_PAGES * page_bytes();

	if (munmap(low, (STACK_PAGES - pages) * page_bytes()) != 0)
		world_fail(world, "munmap: %s", error_words(errno));
	for (unsigned int page = pages; page < STACK_PAGES; page++)
		world->stack.value[page] = 0;
	world->stack.pages = pages;
}

void do_stack(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	unsigned int page = op->b % STACK_PAGES;

	(void)at, (void)count;
	if (!world->stack.end)
		return;
	if (op->a % 4 == 0 && world->stack.pages > 1)
		stack_cut(world, 1 + op->seed % (world->stack.pages - 1));
	/* one access maps all down to it */
	if (op->a % 4 == 1)
		put(world, &world->stack, "stack", stack_word(world, page), page);
	else
		check(world, "stack", stack_word(world, page), world->stack.value[page], true);
	if (page >= world->stack.pages)
		world->stack.pages = page + 1;
}

void columns_open(struct world *world, bool heap)
{
	/* Below the hole is something that is not accessible, or else the kernel would keep a
	 * distance from it. There is no hole yet: threads that are still to be started would get it
	 * for a stack. */
	char *low = area_reserve(world->run, STACK_PAGES);

	if (heap)
		world->heap.end = (char *)(((uintptr_t)syscall(SYS_brk, 0) + page_bytes() - 1) &
					   ~(page_bytes() - 1));
	if (low)
		world->stack.end = low + STACK_PAGES * page_bytes();
}

void columns_reset(struct world *world)
{
	char *top = world->stack.end - page_bytes();

	if (world->heap.end)
		heap_resize(world, 0);
	if (!world->stack.end)
		return;
	if (mmap(top, page_bytes(), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0) == MAP_FAILED)
		world_fail(world, "mmap of a stack: %s", error_words(errno));
	stack_cut(world, 1);
	world->stack.value[0] = 0;
}

void columns_verify(struct world *world)
{
	/* with the first page behind the end */
	for (unsigned int page = 0; world->heap.end && page <= world->heap.pages &&
				   page < HEAP_PAGES && !world->failed; page++)
		check(world, "heap", heap_word(world, page), world->heap.value[page],
		      page < world->heap.pages);
	for (unsigned int page = 0; page < world->stack.pages && !world->failed; page++)
		check(world, "stack", stack_word(world, page), world->stack.value[page], true);
}
