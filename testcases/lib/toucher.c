#define _GNU_SOURCE
#include "toucher.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "area.h"
#include "tag.h"

void touched_count(struct run *run, struct touched *touched, bool refusals)
{
	touched->granted = run_event(run, SLOT_REQUIRED, "access_granted");
	touched->refused = refusals ? run_event(run, SLOT_REQUIRED, "access_refused") : NULL;
}

#define PAGES_MAX 256
#define TOUCHER_NICE 10

/* Oracle: a page that is split off, merged, moved or re-protected keeps what was written to it, also long after the
 * write: a fresh page installed over the old one, or a store through a dead translation, shows here. */
static void check_kept(struct worker *worker, uint64_t *word, unsigned int page, uint64_t stored)
{
	uint64_t value;

	if (fault_load(word, &value) == ACCESS_OK && value != stored)
		run_fail(worker->run, "a write was lost: %p page %u stored %#llx, later %#llx", (void *)word, page,
			 (unsigned long long)stored, (unsigned long long)value);
}

static uint64_t *word_of(const struct touched *touched, unsigned int page, unsigned int word)
{
	return area_word(touched->base, page * (touched->stride ? touched->stride : 1), word);
}

void touch(struct worker *worker)
{
	struct touched *touched = worker->arg;
	struct run *run = worker->run;
	uint64_t stored[PAGES_MAX] = { 0 };     /* in this thread's word of each page */
	uint64_t value, serial = touched->first_serial;

	/* Many touchers and a changer: left alone the changer waits for its turn most of the time, and changes little. */
	setpriority(PRIO_PROCESS, gettid(), TOUCHER_NICE);
	if (touched->leaves_cpu)
		worker_leave_cpu();
	while (worker_continue(worker)) {
		unsigned int page = rng_below(&worker->rng, touched->pages);
		const struct claim *claim = &touched->claims[touched->one_claim ? 0 : page];
		struct expected want = touched->want;
		enum access got;

		want.page = page;
		if (touched->read_only || (!touched->write_only && rng_one_in(&worker->rng, 2))) {
			got = claim_checked_load(run, claim, word_of(touched, page, WORD_TAG), want, &value);
		} else {
			uint64_t *word = word_of(touched, page, WORD_OF_THREAD(worker->id));
			uint64_t fresh = tag_make(worker->id, page, ++serial);

			if (touched->keeps_data)
				check_kept(worker, word, page, stored[page]);
			got = claim_checked_roundtrip(run, claim, word, fresh);
			if (got == ACCESS_OK)
				stored[page] = fresh;
		}
		slot_hit(got == ACCESS_OK ? touched->granted : touched->refused);
		/* a signal costs as much as a hundred accesses: who waits for it to be over should get the CPU now */
		if (got != ACCESS_OK)
			sched_yield();
		worker_did(worker);
	}
}

void drop_pages(struct worker *worker)
{
	struct touched *touched = worker->arg;

	while (worker_continue(worker)) {
		unsigned int page = rng_below(&worker->rng, touched->pages);

		/* all, or from a page to the end: a fault maps the pages around it too, single pages come back too easily */
		if (rng_one_in(&worker->rng, 2))
			page = 0;
		area_advise(worker->run, area_word(touched->base, page, 0), touched->pages - page, MADV_DONTNEED);
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}

void split_pages(struct worker *worker)
{
	struct touched *touched = worker->arg;

	while (worker_continue(worker)) {
		void *at = area_word(touched->base, rng_below(&worker->rng, touched->pages), 0);

		area_advise(worker->run, at, 1, MADV_DONTDUMP);
		rng_dither(&worker->rng);
		area_advise(worker->run, at, 1, MADV_DODUMP);
		worker_did(worker);
	}
}
