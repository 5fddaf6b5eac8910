// SPDX-License-Identifier: GPL-2.0-only
/* Oracles: a page has the number of its generation: another one was written in the place of a page that is shared, or is a page
 * that only looked alike. A thread's word is zero, or what the thread has just stored there: else its store went to other
 * pages as well, or it was made to a page that had been replaced. */
#define _GNU_SOURCE
#include "alike.h"

#include <errno.h>
#include <sched.h>

#ifndef MADV_MERGEABLE
#define MADV_MERGEABLE 12
#define MADV_UNMERGEABLE 13
#endif

#define PATIENCE_MS 20
#define BEGIN_MS 2000                   /* at most, until the first pages are shared */

uint64_t alike_tag(uint64_t generation)
{
	return tag_make(0, 0, 1 + generation % GENERATIONS);
}

static bool is_shared(void)
{
	return sysfile_number(KSM "pages_sharing", 1) > 0;
}

/* claims count generations from the start, so that a page which comes back is another; pages hold which of the few it is */
static bool fair_number(uint64_t before, uint64_t after, uint64_t value)
{
	uint64_t newest = claim_generation(after) + !!(claim_may(after) & MAY_BE_NEXT);

	if (value == 0)
		return claim_may(before) & MAY_BE_ZERO || claim_may(after) & MAY_BE_ZERO || before != after;
	for (uint64_t at = claim_generation(before); at <= newest; at++)
		if (value == alike_tag(at))
			return true;
	return false;
}

static void check_number(struct range *range, unsigned int page)
{
	uint64_t before = claim_read(&range->claim[page]), after, value = 0;
	enum access got = fault_load(area_word(range->base, page, WORD_TAG), &value);

	atomic_thread_fence(memory_order_seq_cst);
	after = claim_read(&range->claim[page]);
	if (got != ACCESS_OK || !fair_number(before, after, value))
		run_fail(range->run, "page %u of process %u: %s, has %#llx, claims %#llx..%#llx", page, range->process,
			 access_name(got), (unsigned long long)value, (unsigned long long)before, (unsigned long long)after);
}

/* 'stored' stands in the word unless the page is being discarded */
static void check_word(struct range *range, unsigned int page, const uint64_t *word, uint64_t stored, uint64_t before)
{
	uint64_t value = stored;
	enum access got = fault_load(word, &value);

	atomic_thread_fence(memory_order_seq_cst);
	if (got == ACCESS_OK && value != stored && (value || claim_read(&range->claim[page]) == before))
		run_fail(range->run, "page %u of process %u: a thread's own word has %#llx instead of %#llx", page, range->process,
			 (unsigned long long)value, (unsigned long long)stored);
}

static void store(struct range *range, unsigned int page, uint64_t *word, uint64_t value)
{
	if (run_sabotaged(range->run, "store-lost") && value)
		return;
	/* what a store does to a page that is shared, and stays so */
	if (run_sabotaged(range->run, "written-in-place") && value)
		fault_store(word + (page + 1 < PAGES ? 1 : -1) * (ptrdiff_t)(page_bytes() / sizeof(*word)), value);
	if (fault_store(word, value) != ACCESS_OK)
		run_fail(range->run, "page %u of process %u: a store was refused", page, range->process);
}

static void differ(struct worker *worker)
{
	struct range *range = worker->arg;
	uint64_t serial = 0;

	while (worker_continue(worker)) {
		/* a page that is never left alone is never taken for another: the last ones are mostly */
		unsigned int page = rng_below(&worker->rng, rng_one_in(&worker->rng, 8) ? PAGES : PAGES / 2);
		uint64_t *word = area_word(range->base, page, WORD_OF_THREAD(worker->id));
		uint64_t before = claim_read(&range->claim[page]), mark = tag_make(worker->id, page, ++serial);

		check_number(range, page);
		check_word(range, page, word, 0, before);
		if (rng_one_in(&worker->rng, 2)) {
			store(range, page, word, mark);
			rng_dither(&worker->rng);
			if (!(claim_may(before) & MAY_LOSE_WRITES))
				check_word(range, page, word, mark, before);
			store(range, page, word, 0);
		}
		/* ksmd looks at a page three times before it is shared, and is slower than others on a busy machine */
		if (rng_one_in(&worker->rng, 8))
			clock_sleep_ms(is_shared() ? 1 + rng_below(&worker->rng, 4) : PATIENCE_MS);
		worker_did(worker);
	}
}

static void write_number(struct range *range, unsigned int page)
{
	*(volatile uint64_t *)area_word(range->base, page, WORD_TAG) = alike_tag(range->generation[page]);
}

/* of another generation, in one step */
static void change(struct range *range, unsigned int page)
{
	claim_update(&range->claim[page], CLAIM_RW | MAY_BE_NEXT);
	range->generation[page]++;
	write_number(range, page);
	claim_publish(&range->claim[page], range->generation[page], CLAIM_RW);
}

static void discard(struct range *range, unsigned int first, unsigned int count)
{
	claims_update(&range->claim[first], count, CLAIM_RW | MAY_BE_ZERO | MAY_LOSE_WRITES);
	if (!run_sabotaged(range->run, "discard-not"))
		area_advise(range->run, area_word(range->base, first, 0), count, MADV_DONTNEED);
	for (unsigned int page = first; page < first + count; page++) {
		uint64_t value = *(volatile uint64_t *)area_word(range->base, page, WORD_TAG);

		if (value)
			run_fail(range->run, "page %u of process %u was discarded, and has %#llx", page, range->process,
				 (unsigned long long)value);
		claim_publish(&range->claim[page], ++range->generation[page], CLAIM_RW | MAY_BE_ZERO);
		write_number(range, page);
		claim_update(&range->claim[page], CLAIM_RW);
	}
	slot_hit(range->discarded);
}

/* Oracle: a child's store to a page that is shared goes to a copy; all others are as they were. */
static void look_as_child(struct run *run, void *arg)
{
	struct range *range = arg;

	*(volatile uint64_t *)area_word(range->base, 0, WORD_TAG) = 1;
	for (unsigned int page = 1; page < PAGES; page++) {
		uint64_t value = *(volatile uint64_t *)area_word(range->base, page, WORD_TAG);

		if (value != alike_tag(range->generation[page]))
			run_fail(run, "child: page %u of process %u has %#llx", page, range->process, (unsigned long long)value);
	}
}

static void take_back(struct range *range, unsigned int first, unsigned int count)
{
	/* a signal, or no memory: what it has not done stays shared */
	if (madvise(area_word(range->base, first, 0), count * page_bytes(), MADV_UNMERGEABLE) != 0 && errno != EAGAIN)
		run_fail_errno(range->run, "madvise(MADV_UNMERGEABLE)");
	clock_sleep_ms(2);
	area_advise(range->run, area_word(range->base, first, 0), count, MADV_MERGEABLE);
	slot_hit(range->unmerged);
}

static void change_on(struct worker *worker)
{
	struct range *range = worker->arg;

	for (unsigned int turn = 0; worker_continue(worker); turn++) {
		unsigned int first = rng_below(&worker->rng, PAGES), count = 1 + rng_below(&worker->rng, PAGES - first);

		switch (rng_turn(&worker->rng, turn, 5)) {
		case 0:
			discard(range, first, count < 4 ? count : 4);
			break;
		case 1:
			child_wait(range->run, child_start(range->run, look_as_child, range));
			slot_hit(range->forked);
			break;
		case 2:
			if (range->unmerges) {
				take_back(range, first, count);
				break;
			}
			/* fall through */
		default:
			change(range, first);
		}
		clock_sleep_ms(1 + rng_below(&worker->rng, 6));
		worker_did(worker);
	}
}

void alike_live(struct run *run, void *arg)
{
	struct range *range = arg;
	unsigned int threads = run->threads / PROCESSES;
	const struct role roles[] = {
		{ .name = "changer", .body = change_on, .count = 1, .arg = range },
		{ .name = "splitter", .body = split_pages, .count = 1, .arg = &range->split },
		{ .name = "writer", .body = differ, .count = threads > 3 ? threads - 2 : 2, .arg = range },
	};
	struct run own = *run;

	own.seed += range->process * UINT64_C(1000003);
	for (unsigned int page = 0; page < PAGES; page++)
		write_number(range, page);
	claims_publish(range->claim, PAGES, 0, CLAIM_RW);
	area_advise(run, range->base, PAGES, MADV_MERGEABLE);
	/* few are enough: each split keeps ksmd from the whole range */
	range->split = (struct touched){ .base = range->base, .pages = 4 };
	for (unsigned int ms = 0; ms < BEGIN_MS && !is_shared() && !run_stopping(run); ms += PATIENCE_MS)
		clock_sleep_ms(PATIENCE_MS);
	crew_run(&own, roles, COUNT_OF(roles));
}
