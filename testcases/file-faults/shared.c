// SPDX-License-Identifier: GPL-2.0-only
/* shared: threads load and store by a shared mapping, and read the file.
 *
 * Oracles (claim.c): beyond the end is SIGBUS; what was cut off or punched out is zero after, and does not come back; a page
 * that is neither keeps what each thread wrote to it; the file and its mapping have the same. */
#define _GNU_SOURCE
#include <unistd.h>

#include "subtests.h"
#include "zone.h"

#define TOUCHERS_MOST 24                /* their words are in the lower half of a page */

struct touching {
	struct zone zone;
	struct slot *granted, *refused;
};

static enum access load(struct zone *zone, unsigned int page, unsigned int word, bool by_file, uint64_t *value)
{
	off_t at = (off_t)page * page_bytes() + word * sizeof(uint64_t);

	if (by_file)
		return pread(zone->file, value, sizeof(*value), at) == sizeof(*value) ? ACCESS_OK : ACCESS_SEGV;
	return zone_refusal(zone, page, fault_load(area_word(zone->base, page, word), value));
}

static void complain(struct worker *worker, const char *wrong, unsigned int page, enum access got, uint64_t value,
		     uint64_t before, uint64_t after)
{
	run_fail(worker->run, "%s: page %u: %s %#llx, claims %#llx..%#llx", wrong, page,
		 got == ACCESS_OK ? "success" : "beyond the end", (unsigned long long)value, (unsigned long long)before,
		 (unsigned long long)after);
}

static enum access load_tag(struct worker *worker, struct zone *zone, unsigned int page)
{
	struct expected want = { .page = page, .zero_while_changing = true, .copied = true };
	uint64_t before = claim_read(&zone->claim[page]), after, value = 0;
	enum access got = load(zone, page, WORD_TAG, rng_one_in(&worker->rng, 4), &value);
	const char *wrong;

	atomic_thread_fence(memory_order_seq_cst);
	after = claim_read(&zone->claim[page]);
	wrong = claim_judge_load(before, after, got, value, want);
	if (wrong)
		complain(worker, wrong, page, got, value, before, after);
	return got;
}

struct note {
	uint64_t generation, value;
};

/* of a page that nothing takes away */
static bool is_kept(uint64_t claim)
{
	return (claim_may(claim) & (CLAIM_ANY | MAY_LOSE_WRITES)) == CLAIM_RW;
}

static enum access store_own(struct worker *worker, struct zone *zone, unsigned int page, struct note *note, uint64_t serial)
{
	unsigned int word = WORD_OF_THREAD(worker->id);
	uint64_t before = claim_read(&zone->claim[page]), after, seen = 0, again = 0;
	enum access loaded = load(zone, page, word, rng_one_in(&worker->rng, 4), &seen);
	enum access stored = zone_refusal(zone, page, fault_store(area_word(zone->base, page, word), serial));
	const char *wrong;

	if (run_sabotaged(worker->run, "write-undone"))
		fault_store(area_word(zone->base, page, word), serial - 1);
	load(zone, page, word, rng_one_in(&worker->rng, 4), &again);
	atomic_thread_fence(memory_order_seq_cst);
	after = claim_read(&zone->claim[page]);
	wrong = claim_judge_store(before, after, stored);
	if (!wrong && before == after && is_kept(before) &&
	    (again != serial || (note->generation == claim_generation(before) && (loaded != ACCESS_OK || seen != note->value))))
		wrong = "a write was lost";
	if (wrong)
		complain(worker, wrong, page, stored, again != serial ? again : seen, before, after);
	*note = (struct note){ 0 };
	/* the number is new as soon as the page has been taken away: what was stored before cannot be taken for newer */
	if (stored == ACCESS_OK && before == after && is_kept(before))
		*note = (struct note){ claim_generation(before), serial };
	return stored;
}

static void touch_on(struct worker *worker)
{
	struct touching *touching = worker->arg;
	struct note notes[PAGES] = { 0 };

	for (uint64_t serial = 1; worker_continue(worker); serial++) {
		unsigned int page = rng_below(&worker->rng, PAGES);
		bool stores = rng_one_in(&worker->rng, 2);
		enum access got = stores ? store_own(worker, &touching->zone, page, &notes[page], serial) :
					   load_tag(worker, &touching->zone, page);

		slot_hit(got == ACCESS_OK ? touching->granted : touching->refused);
		worker_did(worker);
	}
}

void shared(struct run *run)
{
	static struct touching touching;
	unsigned int touchers = run_threads_left(run, 1, 2);
	const struct role roles[] = {
		{ .name = "changer", .body = zone_change, .count = 1, .arg = &touching.zone },
		{ .name = "toucher", .body = touch_on, .count = touchers > TOUCHERS_MOST ? TOUCHERS_MOST : touchers, .arg = &touching },
	};

	if (!zone_make(&touching.zone, run, MAP_SHARED))
		return;
	touching.granted = run_event(run, SLOT_REQUIRED, "access_granted");
	touching.refused = run_event(run, SLOT_REQUIRED, "access_refused");
	crew_run(run, roles, COUNT_OF(roles));
}
