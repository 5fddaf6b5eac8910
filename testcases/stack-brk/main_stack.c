/* main-stack: the stack of the main thread grows by deep calls and is cut off again, while other threads read the frame
 * it shows them, and split and merge VMAs elsewhere.
 *
 * Oracles: a frame does not hold what was written to it when the calls return; a shown frame is refused or differs for
 * another thread -> the expanding VMA was used with wrong limits, or its page was installed twice. SIGSEGV of the main
 * thread itself -> see fault.c. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "subtests.h"

#define FRAME_WORDS 512                 /* a page on most machines */
#define DEPTH_MIN 48
#define DEPTH_MAX 128
#define SLACK_BYTES (128 * 1024)        /* left below the main thread when its stack is cut */
#define PAGES 16

struct zone {
	struct claim shown_claim;       /* of the word that 'shown' points to */
	_Atomic(uint64_t *) shown;
	uint64_t generation;
	uintptr_t lowest;
	struct claim area_claim;
	void *area;
	struct touched touched;
};

static void show(struct worker *worker, uint64_t *word)
{
	struct zone *zone = worker->arg;

	zone->generation++;
	*(volatile uint64_t *)word = tag_make(1, 0, zone->generation);
	atomic_store(&zone->shown, word);
	claim_publish(&zone->shown_claim, zone->generation, CLAIM_RO);
	for (unsigned int i = 0; i < 3; i++)
		rng_dither(&worker->rng);
	if (run_sabotaged(worker->run, "stack-overwritten"))
		*(volatile uint64_t *)word = 1;
	rng_dither(&worker->rng);
	claim_update(&zone->shown_claim, CLAIM_ANY);
}

static __attribute__((noinline)) void descend(struct worker *worker, unsigned int depth, uint64_t salt)
{
	struct zone *zone = worker->arg;
	volatile uint64_t frame[FRAME_WORDS];

	frame[0] = salt + depth;
	frame[FRAME_WORDS - 1] = ~(salt + depth);
	if ((uintptr_t)frame < zone->lowest)
		zone->lowest = (uintptr_t)frame;
	if (depth > 0)
		descend(worker, depth - 1, salt);
	else
		show(worker, (uint64_t *)&frame[FRAME_WORDS / 2]);
	if (run_sabotaged(worker->run, "stack-loses") && depth == DEPTH_MIN / 2)
		frame[0] = 0;
	if (frame[0] != salt + depth || frame[FRAME_WORDS - 1] != ~(salt + depth))
		run_fail(worker->run, "frame %u at %p: expected %#llx, has %#llx and %#llx", depth, (void *)frame,
			 (unsigned long long)(salt + depth), (unsigned long long)frame[0],
			 (unsigned long long)~frame[FRAME_WORDS - 1]);
}

/* so that the next descent has to expand the stack again */
static void cut(struct worker *worker)
{
	struct zone *zone = worker->arg;
	uintptr_t keep = ((uintptr_t)__builtin_frame_address(0) - SLACK_BYTES) & ~(page_bytes() - 1);
	uintptr_t from = zone->lowest & ~(page_bytes() - 1);

	if (from < keep && munmap((void *)from, keep - from) != 0)
		run_fail_errno(worker->run, "munmap of the end of the stack");
	zone->lowest = keep;
}

static void go_deep(struct worker *worker)
{
	struct zone *zone = worker->arg;

	zone->lowest = UINTPTR_MAX;
	while (worker_continue(worker)) {
		descend(worker, DEPTH_MIN + rng_below(&worker->rng, DEPTH_MAX - DEPTH_MIN), rng_next(&worker->rng));
		cut(worker);
		worker_did(worker);
	}
}

static void peek(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		uint64_t before = claim_read(&zone->shown_claim), after, value = 0;
		uint64_t *word = atomic_load(&zone->shown);
		enum access got;

		if (!word)
			continue;
		got = fault_load(word, &value);
		atomic_thread_fence(memory_order_seq_cst);
		after = claim_read(&zone->shown_claim);
		if (before == after && claim_may(before) == CLAIM_RO &&
		    (got != ACCESS_OK || value != tag_make(1, 0, claim_generation(before))))
			run_fail(worker->run, "stack word %p: %s value %#llx, shown with generation %llu", (void *)word,
				 access_name(got), (unsigned long long)value,
				 (unsigned long long)claim_generation(before));
		worker_did(worker);
	}
}

static void split(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		unsigned int page = rng_below(&worker->rng, PAGES);

		area_protect(worker->run, area_word(zone->area, page, 0), 1, PROT_READ | PROT_WRITE | PROT_EXEC);
		rng_dither(&worker->rng);
		area_protect(worker->run, area_word(zone->area, page, 0), 1, PROT_READ | PROT_WRITE);
		worker_did(worker);
	}
}

void main_stack(struct run *run)
{
	static struct zone zone;
	const struct role roles[] = {
		{ .name = "diver", .body = go_deep, .count = 1, .arg = &zone, .on_main = true },
		{ .name = "splitter", .body = split, .count = 1, .arg = &zone },
		{ .name = "peeker", .body = peek, .count = run_threads_left(run, 3, 1), .arg = &zone },
		{ .name = "toucher", .body = touch, .count = 1, .arg = &zone.touched },
	};

	zone.area = area_reserve(run, PAGES);
	if (!zone.area || area_map(run, zone.area, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	area_tag(zone.area, PAGES, 0, 0);
	claim_publish(&zone.area_claim, 0, CLAIM_RW);
	zone.touched = (struct touched){
		.base = zone.area, .pages = PAGES, .claims = &zone.area_claim, .one_claim = true, .keeps_data = true,
		.want.always_mapped = true,
	};
	touched_count(run, &zone.touched, false);
	crew_run(run, roles, COUNT_OF(roles));
}
