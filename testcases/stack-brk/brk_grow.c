/* brk-grow: the end of the heap goes up and down. Raw system calls: libc's idea of the heap must not be disturbed, and
 * libc must not use the heap meanwhile (no thread allocates while the crew is at work).
 *
 * Oracles: SIGSEGV below the settled end -> the grown VMA was stored, but not attached, or its limits came late. Access
 * above the settled end, or old data after growing again -> a fault used the limits from before the cut. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

#include "subtests.h"

#define PAGES 24

struct zone {
	struct claim claim[PAGES];
	char *base;                     /* the first page above the heap that libc has */
	unsigned int size;              /* in pages, now */
	struct touched touched;
};

static void settle(struct zone *zone, unsigned int first, unsigned int end, uint64_t generation, unsigned int may)
{
	for (unsigned int page = first; page < end; page++)
		claim_publish(&zone->claim[page], generation, may);
}

static bool set_end(struct run *run, struct zone *zone, unsigned int pages)
{
	char *want = zone->base + pages * page_bytes();
	char *got = (char *)syscall(SYS_brk, want);

	if (got == want)
		return true;
	run_fail(run, "brk: wanted %p, got %p", (void *)want, (void *)got);
	return false;
}

static bool grow(struct run *run, struct zone *zone, unsigned int size, uint64_t generation)
{
	settle(zone, zone->size, size, generation, CLAIM_ANY | MAY_BE_ZERO);
	if (!run_sabotaged(run, "brk-keeps") && !set_end(run, zone, size))
		return false;
	for (unsigned int page = zone->size; page < size; page++) {
		uint64_t *tag = area_word(zone->base, page, WORD_TAG);

		/* Oracle: a new piece of heap is fresh. */
		if (*(volatile uint64_t *)tag != 0 && !run_sabotaged(run, "brk-keeps"))
			run_fail(run, "new heap page %u has %#llx", page, (unsigned long long)*tag);
		*tag = tag_make(0, page, run_sabotaged(run, "brk-dirty") ? generation - 1 : generation);
	}
	settle(zone, zone->size, size, generation, CLAIM_RW);
	return true;
}

static bool shrink(struct run *run, struct zone *zone, unsigned int size, uint64_t generation)
{
	for (unsigned int page = size; page < zone->size; page++)
		claim_update(&zone->claim[page], CLAIM_ANY);
	if (!run_sabotaged(run, "brk-keeps") && !set_end(run, zone, size))
		return false;
	settle(zone, size, zone->size, generation, CLAIM_NONE);
	return true;
}

static void move_end(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	if (run_sabotaged(run, "brk-keeps") && !set_end(run, zone, PAGES))
		return;
	for (uint64_t generation = 1; worker_continue(worker); generation++) {
		unsigned int size = rng_below(&worker->rng, PAGES + 1);

		if (size > zone->size ? !grow(run, zone, size, generation) : !shrink(run, zone, size, generation))
			return;
		zone->size = size;
		rng_dither_below(&worker->rng, 3);
		worker_did(worker);
	}
	shrink(run, zone, 0, UINT32_MAX);
}

void brk_grow(struct run *run)
{
	uintptr_t end = syscall(SYS_brk, 0);
	struct zone zone = { .base = (char *)((end + page_bytes() - 1) & ~(page_bytes() - 1)) };
	const struct role roles[] = {
		{ .name = "grower", .body = move_end, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 1, 2), .arg = &zone.touched },
	};

	settle(&zone, 0, PAGES, 0, CLAIM_NONE);
	zone.touched = (struct touched){
		.base = zone.base, .pages = PAGES, .claims = zone.claim, .want.zero_while_changing = true,
	};
	touched_count(run, &zone.touched, true);
	crew_run(run, roles, COUNT_OF(roles));
}
