// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "shadow.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "area.h"
#include "tag.h"

#define WATCHER_NICE 3
#define SHADOWS_MAX 32

struct look {
	uint64_t sequence;
	struct forecast forecast;
};

const struct reach reach_directly = { .load = fault_load, .store = fault_store };

struct shadow *shadows_make(struct run *run, unsigned int count)
{
	void *memory = mmap(NULL, count * sizeof(struct shadow), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		run_fail_errno(run, "shared memory");
		return NULL;
	}
	return memory;
}

void shadow_changing(struct shadow *shadow, unsigned int at, uint32_t newest)
{
	uint64_t sequence = atomic_load_explicit(&shadow->cell[at].sequence, memory_order_relaxed);

	/* it does not fall where a program begins anew: a reader may be late with a value of the last one */
	if (newest > atomic_load_explicit(&shadow->newest, memory_order_relaxed))
		atomic_store(&shadow->newest, newest);
	if (!(sequence & 1))
		atomic_store(&shadow->cell[at].sequence, sequence + 1);
}

void shadow_settled(struct shadow *shadow, unsigned int at, struct forecast forecast)
{
	uint64_t sequence = atomic_load_explicit(&shadow->cell[at].sequence, memory_order_relaxed);

	if (!(sequence & 1))
		return;
	atomic_store(&shadow->cell[at].word, (uint64_t)forecast.value << 16 | forecast.may);
	atomic_store(&shadow->cell[at].sequence, sequence + 1);
}

static struct look look_at(const struct shadow *shadow, unsigned int at)
{
	struct look look = { .sequence = atomic_load(&shadow->cell[at].sequence) };
	uint64_t word = atomic_load(&shadow->cell[at].word);

	look.forecast = (struct forecast){ word & 0xffff, word >> 16 };
	return look;
}

/* the access is over; was the cell the same all the time? */
static bool held(const struct shadow *shadow, unsigned int at, const struct look *look)
{
	atomic_thread_fence(memory_order_seq_cst);
	return !(look->sequence & 1) && atomic_load(&shadow->cell[at].sequence) == look->sequence;
}

static bool allows(const struct reach *reach, struct forecast forecast, enum access got, bool store)
{
	if (reach->forces && got == ACCESS_OK && !store && forecast.may & LOAD_SEGV)
		return true;
	return forecast_allows(forecast, got, store) ||
	       (reach->refuses_alike && got == ACCESS_SEGV &&
		forecast_allows(forecast, ACCESS_BUS, store));
}

/* Oracles: a cell that nobody changes is accessed as it may be and has its value: otherwise a fault
 * was judged by another VMA than the one that is there, by what it was before or after a change, or
 * filled a page that was gone already. A cell that changes meanwhile still has a value of its own
 * range: another's comes from a VMA that was freed and reused. */
static const char *judge_load(const struct shadow *shadow, const struct reach *reach,
			      const struct look *look, bool held, enum access got, uint64_t value)
{
	bool forced = reach->forces && got == ACCESS_OK && look->forecast.may & LOAD_SEGV;

	if (held && !allows(reach, look->forecast, got, false))
		return got == ACCESS_OK ? "a load succeeds that has to be refused" :
					  "a load is refused";
	if (got != ACCESS_OK || (!held && reach->in_steps) || forced)
		return NULL;
	if (value && (!tag_valid(value) || tag_owner(value) != shadow->owner))
		return "a value that does not belong here";
	if (value && tag_generation(value) > atomic_load(&shadow->newest))
		return "a value that was not written yet";
	if (held && !forecast_has(look->forecast, value ? tag_generation(value) : 0))
		return value ? "an old or wrong value" : "zero where data had been written";
	return NULL;
}

static void complain(struct worker *worker, struct shadow *shadow, const char *wrong,
		     const uint64_t *word, unsigned int at, const struct look *look, bool held,
		     enum access got, uint64_t value)
{
	run_fail(worker->run, "%s: cell %u at %p: %s %#llx, forecast %#x value %#x, %s %llu", wrong,
		 at, (const void *)word, access_name(got), (unsigned long long)value,
		 look->forecast.may, look->forecast.value, held ? "settled as" : "changing since",
		 (unsigned long long)look->sequence);
	atomic_store(&shadow->accused, true);
}

/* what this worker stored last in its word of a cell, and when */
struct kept {
	uint64_t sequence, value; /* value 0: nothing */
};

static enum access check_load(struct worker *worker, struct shadow *shadow, unsigned int at)
{
	struct watched *watched = worker->arg;
	const uint64_t *word = (const uint64_t *)(shadow->base + at * shadow->cell_bytes);
	struct look look = look_at(shadow, at);
	uint64_t value = 0;
	enum access got = watched->reach->load(word, &value);
	bool same = held(shadow, at, &look);
	const char *wrong = judge_load(shadow, watched->reach, &look, same, got, value);

	slot_hit(same ? watched->exact : watched->changing);
	if (wrong)
		complain(worker, shadow, wrong, word, at, &look, same, got, value);
	return got;
}

/* Oracles: a store to a settled cell that may be stored to is there when it is loaded again, at
 * once and later; one to a cell that may not be stored to is refused. Two pages installed for one
 * address, or a page that came in behind an unmapping or a protection, lose stores or take them. */
static enum access check_store(struct worker *worker, struct shadow *shadow, unsigned int at,
			       struct kept *kept, uint64_t serial)
{
	struct watched *watched = worker->arg;
	unsigned int number = watched->first_word + worker->id,
		     pages = shadow->cell_bytes / page_bytes();
	unsigned int page = (number * 7) % pages; /* of a huge cell: the same one each time */
	uint64_t *word =
		area_word(shadow->base + at * shadow->cell_bytes, page, WORD_OF_THREAD(number));
	struct look look = look_at(shadow, at);
	uint64_t fresh = tag_make(number, at, serial), seen = kept->value;
	enum access got = ACCESS_OK, loaded = ACCESS_OK;
	const char *wrong = NULL;
	bool same;

	if (kept->value && kept->sequence == look.sequence && look.forecast.may & LOAD_GIVES) {
		loaded = watched->reach->load(word, &seen);
		if (held(shadow, at, &look) && loaded == ACCESS_OK && seen != kept->value)
			complain(worker, shadow, "a store was lost", word, at, &look, true, loaded,
				 seen);
	}
	kept->value = 0;
	got = watched->reach->store(word, fresh);
	atomic_thread_fence(memory_order_seq_cst);
	if (watched->between)
		watched->between(worker, shadow, at);
	if (got == ACCESS_OK)
		loaded = watched->reach->load(word, &seen);
	same = held(shadow, at, &look);
	if (same && !allows(watched->reach, look.forecast, got, true))
		wrong = got == ACCESS_OK ? "a store succeeds that has to be refused" :
					   "a store is refused";
	else if (same && got == ACCESS_OK && loaded == ACCESS_OK && seen != fresh)
		wrong = "a store was lost at once";
	if (wrong)
		complain(worker, shadow, wrong, word, at, &look, same, got, seen);
	/* through another cell the same word may get another value */
	if (same && got == ACCESS_OK && !(look.forecast.may & ALIASED))
		*kept = (struct kept){ look.sequence, fresh };
	return got;
}

void watch(struct worker *worker)
{
	static _Thread_local struct kept kept[SHADOWS_MAX][CELLS];
	struct watched *watched = worker->arg;
	uint64_t serial = 0;

	/* who changes the ranges is one for each, and should get on */
	setpriority(PRIO_PROCESS, gettid(), WATCHER_NICE);
	while (worker_continue(worker)) {
		unsigned int which = rng_below(&worker->rng, watched->count),
			     at = rng_below(&worker->rng, CELLS);
		struct shadow *shadow = &watched->shadows[which];
		enum access got;

		if (!watched->reach->store || rng_one_in(&worker->rng, 2))
			got = check_load(worker, shadow, at);
		else
			got = check_store(worker, shadow, at, &kept[which][at], ++serial);
		/* a signal costs as much as a hundred accesses */
		if (got != ACCESS_OK)
			sched_yield();
		worker_did(worker);
	}
}
