#include "remapper.h"

#include "area.h"

static bool map(struct run *run, struct remapped *range)
{
	return area_map(run, range->base, range->pages, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) != MAP_FAILED;
}

bool remapped_start(struct run *run, struct remapped *range)
{
	range->base = area_reserve(run, range->pages);
	if (!range->base || !map(run, range))
		return false;
	area_tag(range->base, range->pages, 0, 1);
	claim_publish(&range->claim, 1, CLAIM_RW);
	range->touched = (struct touched){
		.base = range->base, .pages = range->pages, .claims = &range->claim, .one_claim = true,
		.want.zero_while_changing = true,
	};
	touched_count(run, &range->touched, true);
	return true;
}

bool remapped_map(struct run *run, struct remapped *range)
{
	claim_update(&range->claim, CLAIM_ANY | MAY_BE_ZERO);
	return map(run, range);
}

static void hold(struct worker *worker)
{
	for (unsigned int i = rng_below(&worker->rng, 12); i > 0 && worker_continue(worker); i--)
		rng_dither(&worker->rng);
}

void remap_range(struct worker *worker)
{
	struct remapped *range = worker->arg;
	struct run *run = worker->run;

	for (uint64_t generation = 2; worker_continue(worker); generation++) {
		if (range->early && run_sabotaged(run, range->early))
			area_unmap(run, range->base, range->pages);
		if (range->lost && run_sabotaged(run, range->lost))
			area_advise(run, range->base, range->pages, MADV_DONTNEED);
		hold(worker);
		claim_update(&range->claim, CLAIM_ANY);
		rng_dither(&worker->rng);
		if (!range->stale || !run_sabotaged(run, range->stale))
			area_unmap(run, range->base, range->pages);
		claim_publish(&range->claim, generation, CLAIM_NONE);
		hold(worker);
		if (!remapped_map(run, range))
			return;
		/* readers and this thread fault on the fresh pages at the same time */
		rng_dither(&worker->rng);
		area_tag(range->base, range->pages, 0, generation);
		claim_update(&range->claim, CLAIM_RW);
		worker_did(worker);
	}
}
