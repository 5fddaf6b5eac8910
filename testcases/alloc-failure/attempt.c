#define _GNU_SOURCE
#include "attempt.h"
#include "words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static const struct operation *now;

void operations_count(struct run *run, struct operation *operations, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool never = operations[i].never_fails;
		char name[BOARD_NAME_MAX];

		snprintf(name, sizeof(name), "%s_failed", operations[i].name);
		operations[i].failed = run_event(run, never ? SLOT_EVENT : SLOT_REQUIRED, name);
		snprintf(name, sizeof(name), "%s_survived", operations[i].name);
		operations[i].survived = run_event(run, never ? SLOT_REQUIRED : SLOT_EVENT, name);
	}
}

static void begin_anew(struct worker *worker, struct operation *operation)
{
	operation->nth = 1;
	operation->more = operation->takes_more && !operation->more;
	operation->first = rng_below(&worker->rng, PAGES - 1);
	operation->count = 2 + rng_below(&worker->rng, PAGES - operation->first - 1);
	operation->border = operation->first + 1 + rng_below(&worker->rng, operation->count - 1);
}

/* In turn, one try each: all have failed at something within a few dozen tries, also where a try takes long. */
void operations_sweep(struct worker *worker, struct zone *zone, struct operation *operations, size_t count,
		      unsigned int stride)
{
	if (!inject_open(&zone->injector, zone->run))
		return;
	for (size_t i = 0; worker_continue(worker); i = (i + 1) % count) {
		struct operation *operation = &operations[i];

		if (!operation->nth)
			begin_anew(worker, operation);
		zone->first = operation->first;
		zone->count = operation->count;
		zone->border = operation->border;
		zone->more = operation->more;
		now = operation;
		if (operation->attempt(zone, operation->nth))
			operation->nth += 1 + rng_below(&worker->rng, stride);
		else
			operation->nth = 0;
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}

void attempt_begin(struct zone *zone, unsigned int nth)
{
	if (!run_sabotaged(zone->run, "no-failures"))
		inject_arm(&zone->injector, nth, zone->more);
}

bool attempt_is_skipped(const struct zone *zone)
{
	return run_sabotaged(zone->run, "success-does-nothing");
}

/* Oracle: calls fail for want of the memory that was refused, and for nothing else. */
static bool end(struct zone *zone, bool failed)
{
	bool hit = inject_disarm(&zone->injector);

	if (failed && (!hit || (errno != ENOMEM && errno != EAGAIN)))
		run_fail(zone->run, "%s, allocation %u %s: %s (errno %d)", now->name, now->nth,
			 hit ? "failing" : "not reached", error_words(errno), errno);
	if (hit)
		slot_hit(failed ? now->failed : now->survived);
	return hit;
}

bool attempt_end_unseen(struct zone *zone, bool failed)
{
	return end(zone, failed);
}

static void sabotage_failure(struct zone *zone, unsigned int first, unsigned int count)
{
	struct run *run = zone->run;
	void *last = area_word(zone->base, first + count - 1, 0);

	if (run_sabotaged(run, "failure-unmaps"))
		munmap(last, page_bytes());
	if (run_sabotaged(run, "failure-zaps"))
		madvise(last, page_bytes(), MADV_DONTNEED);
	if (run_sabotaged(run, "failure-protects"))
		mprotect(last, page_bytes(), PROT_READ);
	if (run_sabotaged(run, "failure-hits-neighbour"))
		munmap(area_word(zone->base, first > 0 ? first - 1 : (first + count) % PAGES, 0), page_bytes());
}

/* Oracle: what failed has changed nothing, what succeeded everything; never some of the pages. So do VMAs that were split
 * or taken out of the tree on the way show that they have their limits, offsets and rights back. */
bool attempt_end(struct zone *zone, bool failed, unsigned int first, unsigned int count, unsigned int as_before,
		 unsigned int done)
{
	bool hit = end(zone, failed);
	unsigned int allowed = failed ? as_before : done;
	enum seen seen;

	if (failed)
		sabotage_failure(zone, first, count);
	seen = zone_look(zone, zone->base, first, count);
	if (!(seen & allowed))
		run_fail(zone->run, "%s %s, allocation %u %s: pages %u to %u are %s", now->name,
			 failed ? "failed" : "succeeded", now->nth, hit ? "failing" : "not reached", first, first + count - 1,
			 seen_name(seen));
	zone_settle(zone, first, count, seen);
	return hit;
}
