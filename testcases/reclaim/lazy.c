#define _GNU_SOURCE
#include "lazy.h"

#include <sys/mman.h>

#define PAIR 2

static uint64_t *given_word(const struct lazy *lazy, unsigned int i)
{
	return area_word(lazy->base, i * PAIR + 1, WORD_TAG);
}

bool lazy_init(struct lazy *lazy, struct run *run, bool pages_out)
{
	*lazy = (struct lazy){ .base = area_reserve(run, LAZY_PAGES * PAIR), .pages_out = pages_out };
	if (!lazy->base || area_map(run, lazy->base, LAZY_PAGES * PAIR, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return false;
	for (unsigned int i = 0; i < LAZY_PAGES; i++) {
		*area_word(lazy->base, i * PAIR, WORD_TAG) = tag_make(0, i, 0);
		*given_word(lazy, i) = tag_make(0, i, 1);
		claim_publish(&lazy->claim[i], 1, CLAIM_RW);
	}
	claim_publish(&lazy->kept_claim, 0, CLAIM_RW);
	lazy->kept = (struct touched){
		.base = lazy->base, .pages = LAZY_PAGES, .stride = PAIR, .claims = &lazy->kept_claim, .one_claim = true,
		.keeps_data = true,
	};
	/* read only: a page that others write to could not be taken, and the group would run out of memory */
	lazy->given = (struct touched){
		.base = area_word(lazy->base, 1, 0), .pages = LAZY_PAGES, .stride = PAIR, .claims = lazy->claim,
		.read_only = true, .want.zero_while_changing = true,
	};
	touched_count(run, &lazy->kept, false);
	touched_count(run, &lazy->given, false);
	/* which pages the kernel takes under a limit is its affair */
	lazy->taken = run_event(run, pages_out ? SLOT_REQUIRED : SLOT_EVENT, "pages_taken");
	return true;
}

static void give_back(struct worker *worker, struct lazy *lazy, unsigned int i)
{
	if (!run_sabotaged(worker->run, "nothing-freed"))
		area_advise(worker->run, given_word(lazy, i), 1, MADV_FREE);
	rng_dither(&worker->rng);
	if (lazy->pages_out) {
		/* to the end of the range, of which the kernel takes what has been given back */
		area_advise(worker->run, area_word(lazy->base, i * PAIR, 0), (LAZY_PAGES - i) * PAIR, MADV_PAGEOUT);
		rng_dither(&worker->rng);
	}
}

/* Oracle: a page that was given back holds what it did or is zero; what is written to it then stays, although the kernel
 * may be about to take it: a walk that has missed a VMA, or looked at one that is another by now, takes a page in use. */
void lazy_change(struct worker *worker)
{
	struct lazy *lazy = worker->arg;
	struct run *run = worker->run;

	while (worker_continue(worker)) {
		unsigned int i = rng_below(&worker->rng, LAZY_PAGES);
		void *border = area_word(lazy->base, rng_below(&worker->rng, LAZY_PAGES * PAIR), 0);
		uint64_t *word = given_word(lazy, i), generation = claim_generation(claim_read(&lazy->claim[i])), value;

		claim_update(&lazy->claim[i], CLAIM_RW | MAY_BE_ZERO | MAY_BE_NEXT);
		value = *(volatile uint64_t *)word;
		if (value == 0)
			slot_hit(lazy->taken);
		else if (value != tag_make(0, i, generation))
			run_fail(run, "page %u, given back with generation %llu, has %#llx", i, (unsigned long long)generation,
				 (unsigned long long)value);
		*(volatile uint64_t *)word = tag_make(0, i, run_sabotaged(run, "lazy-stale") ? generation : generation + 1);
		claim_publish(&lazy->claim[i], generation + 1, CLAIM_RW);
		if (run_sabotaged(run, "lazy-lost"))
			area_advise(run, word, 1, MADV_DONTNEED);
		if (run_sabotaged(run, "kept-lost"))
			area_advise(run, area_word(lazy->base, i * PAIR, 0), 1, MADV_DONTNEED);
		/* a walk meets VMAs that come and go */
		area_advise(run, border, 1, MADV_DONTDUMP);
		rng_dither(&worker->rng);
		claim_update(&lazy->claim[i], CLAIM_RW | MAY_BE_ZERO);
		give_back(worker, lazy, i);
		area_advise(run, border, 1, MADV_DODUMP);
		worker_did(worker);
	}
}

void lazy_look_as_child(struct run *run, void *arg)
{
	struct lazy *lazy = arg;
	uint64_t value;

	if (run_sabotaged(run, "fork-loses"))
		area_advise(run, lazy->base, LAZY_PAGES * PAIR, MADV_DONTNEED);
	for (unsigned int i = 0; i < LAZY_PAGES; i++) {
		struct expected want = { .page = i, .zero_while_changing = true };

		claim_checked_load(run, &lazy->claim[i], given_word(lazy, i), want, &value);
		claim_checked_load(run, &lazy->kept_claim, area_word(lazy->base, i * PAIR, WORD_TAG), want, &value);
	}
}
