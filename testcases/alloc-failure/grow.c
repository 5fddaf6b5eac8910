/* heap, stack: their VMAs grow in place, with allocations failing, while other threads fault on them.
 *
 * Oracles: brk() that fails moves nothing. A store below a stack either grows it or gets SIGSEGV, and after that it can
 * still grow; nobody else's store is ever refused. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "attempt.h"
#include "subtests.h"

static char *set_end(char *end)
{
	return (char *)syscall(SYS_brk, end);
}

/* The end to start from: tagged up to the part's border. The last page is of another kind than what is to come: growing makes
 * a VMA of its own. (Making one longer needs no memory.) */
static bool start_heap(struct zone *zone)
{
	char *border = (char *)area_word(zone->base, zone->border, 0);

	claims_update(zone->claim, PAGES, CLAIM_ANY | MAY_BE_ZERO);
	if (set_end(zone->base) != zone->base || set_end(border) != border) {
		run_fail(zone->run, "brk() without a failing allocation fails");
		return false;
	}
	zone->generation++;
	claims_publish(zone->claim, PAGES, zone->generation, CLAIM_ANY | MAY_BE_ZERO);
	area_tag(zone->base, zone->border, 0, zone->generation);
	area_advise(zone->run, area_word(zone->base, zone->border - 1, 0), 1, MADV_DONTDUMP);
	zone_settle(zone, 0, zone->border, SEEN_RW);
	zone_settle(zone, zone->border, PAGES - zone->border, SEEN_HOLE);
	return true;
}

static bool move_end(struct zone *zone, unsigned int nth, unsigned int to)
{
	unsigned int from = zone->border, first = to < from ? to : from, count = to < from ? from - to : to - from;
	char *want = (char *)area_word(zone->base, to, 0), *got;

	zone_announce(zone, first, count);
	attempt_begin(zone, nth);
	got = attempt_is_skipped(zone) ? want : set_end(want);
	/* it has no error but to return the old end */
	errno = ENOMEM;
	if (run_sabotaged(zone->run, "brk-moves") && got != want)
		set_end(want);
	if (got != want && got != (char *)area_word(zone->base, from, 0))
		run_fail(zone->run, "brk(%p) returns %p", (void *)want, (void *)got);
	return attempt_end(zone, got != want, first, count, to < from ? SEEN_RW : SEEN_HOLE, to < from ? SEEN_HOLE : SEEN_ZERO);
}

static bool grow_heap_fails(struct zone *zone, unsigned int nth)
{
	return start_heap(zone) && move_end(zone, nth, zone->first + zone->count);
}

static bool shrink_heap_fails(struct zone *zone, unsigned int nth)
{
	return start_heap(zone) && move_end(zone, nth, zone->first);
}

static struct operation heap[] = {
	{ .name = "brk_grow", .attempt = grow_heap_fails, .takes_more = true },
	{ .name = "brk_shrink", .attempt = shrink_heap_fails, .takes_more = true },
};

static void inject_heap(struct worker *worker)
{
	struct zone *zone = worker->arg;

	operations_sweep(worker, zone, heap, COUNT_OF(heap), 1);
	zone_announce(zone, 0, PAGES);
	set_end(zone->base);
}

void heap_fails(struct run *run)
{
	static struct zone zone;
	uintptr_t end = syscall(SYS_brk, 0);
	const struct role roles[] = {
		{ .name = "injector", .body = inject_heap, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 1, 2), .arg = &zone.touched },
	};

	if (!inject_available(run) || !zone_init(&zone, run, true))
		return;
	/* libc does not use the heap while the crew is at work: no thread allocates */
	zone.base = zone.touched.base = (char *)((end + page_bytes() - 1) & ~(page_bytes() - 1));
	operations_count(run, heap, COUNT_OF(heap));
	touched_count(run, &zone.touched, true);
	crew_run(run, roles, COUNT_OF(roles));
}

/* A store below the top page, which is all that is mapped at first. */
static bool grow_stack_fails(struct zone *zone, unsigned int nth)
{
	uint64_t *top = area_word(zone->base, PAGES - 1, WORD_TAG), *word = area_word(zone->base, zone->first, WORD_TAG);
	struct run *run = zone->run;
	bool failed, hit;

	claims_update(zone->claim, PAGES, CLAIM_ANY | MAY_BE_ZERO);
	area_unmap(run, zone->base, PAGES);
	zone->generation++;
	claims_publish(zone->claim, PAGES, zone->generation, CLAIM_NONE);
	claims_update(zone->claim, PAGES, CLAIM_ANY | MAY_BE_ZERO);
	area_map(run, area_word(zone->base, PAGES - 1, 0), 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_GROWSDOWN, -1, 0);
	*top = tag_make(0, PAGES - 1, zone->generation);
	/* from here on nobody may be refused, but the one whose allocations fail */
	claims_update(zone->claim, PAGES, CLAIM_RW | MAY_BE_ZERO);
	attempt_begin(zone, nth);
	failed = fault_store(word, tag_make(0, zone->first, zone->generation)) != ACCESS_OK;
	errno = ENOMEM;
	hit = attempt_end_unseen(zone, failed);
	if (run_sabotaged(run, "stack-loses"))
		area_advise(run, top, 1, MADV_DONTNEED);
	if (run_sabotaged(run, "stack-unmaps"))
		area_unmap(run, zone->base, PAGES);
	if (fault_store(word, tag_make(0, zone->first, zone->generation)) != ACCESS_OK)
		run_fail(run, "the stack does not grow to page %u, nor the second time", zone->first);
	else if (*(volatile uint64_t *)top != tag_make(0, PAGES - 1, zone->generation))
		run_fail(run, "the top of the stack has %#llx", (unsigned long long)*top);
	return hit;
}

static struct operation stack[] = {
	{ .name = "stack", .attempt = grow_stack_fails },
};

static void inject_stack(struct worker *worker)
{
	operations_sweep(worker, worker->arg, stack, COUNT_OF(stack), 1);
}

void stack_fails(struct run *run)
{
	static struct zone zone;
	const struct role roles[] = {
		{ .name = "injector", .body = inject_stack, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 1, 2), .arg = &zone.touched },
	};

	if (!inject_available(run) || !zone_init(&zone, run, true))
		return;
	operations_count(run, stack, COUNT_OF(stack));
	touched_count(run, &zone.touched, false);
	crew_run(run, roles, COUNT_OF(roles));
}
