/* Oracles (claim.c), and what trips them: another owner's tag -> the fault used a VMA that had been recycled by
 * another process (no mm re-check); another page's tag, or access to a gap -> recycled by this process for another
 * slot (no address re-check, or one made before the lock was taken); SIGSEGV although settled as mapped -> the stale
 * VMA was believed instead of looking again; success although settled as unmapped -> a detached VMA was lockable.
 * The gaps are there for the last two: a recycled VMA's limits are off by whole slots. */
#define _GNU_SOURCE
#include "slots.h"

void *slots_reserve(struct run *run)
{
	return area_reserve(run, SLOTS_PAGES);
}

void slots_init(struct slots *slots, void *base, unsigned int owner, int fd)
{
	*slots = (struct slots){ .base = base, .owner = owner, .mappers = 1, .fd = fd, .mapped_fd = fd };
	claims_publish(slots->claim, SLOTS_PAGES, 0, CLAIM_NONE);
	slots->touched = (struct touched){
		.base = base, .pages = SLOTS_PAGES, .claims = slots->claim,
		.want = { .owner = owner, .zero_while_changing = true },
	};
}

static void settle(struct slots *slots, unsigned int slot, unsigned int may)
{
	claims_publish(&slots->claim[slot * SLOT_STRIDE], SLOT_PAGES, slots->generation[slot], may);
}

/* The file's pages get the new generation's tags while nobody can see them. */
static void renew_file(struct run *run, const struct slots *slots, unsigned int slot)
{
	unsigned int first = slot * SLOT_STRIDE;

	for (unsigned int page = first; page < first + SLOT_PAGES; page++)
		area_file_tag(run, slots->fd, page, tag_make(slots->owner, page, slots->generation[slot]));
}

static void map_slot(struct run *run, struct slots *slots, unsigned int slot, bool anonymous)
{
	unsigned int first = slot * SLOT_STRIDE;
	unsigned int file_page = run_sabotaged(run, "reuse-other-slot") ? (first + SLOT_STRIDE) % SLOTS_PAGES : first;
	void *at = area_word(slots->base, first, 0);

	slots->generation[slot]++;
	settle(slots, slot, CLAIM_ANY | MAY_BE_ZERO);
	if (anonymous) {
		if (area_map(run, at, SLOT_PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
			return;
		for (unsigned int page = first; page < first + SLOT_PAGES; page++)
			*area_word(slots->base, page, WORD_TAG) = tag_make(slots->owner, page, slots->generation[slot]);
	} else {
		if (!run_sabotaged(run, "reuse-earlier-page"))
			renew_file(run, slots, slot);
		area_map(run, at, SLOT_PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, slots->mapped_fd, file_page);
	}
	settle(slots, slot, CLAIM_RW);
}

static void unmap_slot(struct run *run, struct slots *slots, unsigned int slot)
{
	settle(slots, slot, CLAIM_ANY);
	if (!run_sabotaged(run, "reuse-still-mapped"))
		area_unmap(run, area_word(slots->base, slot * SLOT_STRIDE, 0), SLOT_PAGES);
	settle(slots, slot, CLAIM_NONE);
}

void slots_toggle(struct run *run, struct slots *slots, unsigned int slot, struct rng *rng)
{
	if (claim_may(claim_read(&slots->claim[slot * SLOT_STRIDE])) == CLAIM_NONE)
		map_slot(run, slots, slot, rng_one_in(rng, 4));
	else
		unmap_slot(run, slots, slot);
}

void slots_map(struct worker *worker)
{
	struct slots *slots = worker->arg;

	if (rng_one_in(&worker->rng, 2))
		worker_share_cpu();
	while (worker_continue(worker)) {
		unsigned int slot = rng_below(&worker->rng, SLOTS / slots->mappers) * slots->mappers + worker->id;

		slots_toggle(worker->run, slots, slot, &worker->rng);
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}
