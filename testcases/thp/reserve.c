#define _GNU_SOURCE
#include "subtests.h"

#define LONG_MS 200                     /* for one huge page */

bool map_anew(struct run *run, void *base, unsigned int pages)
{
	/* accessible only when it may have huge pages: with one small page there is a page table, and so no huge page any more */
	if (area_map(run, base, pages, PROT_NONE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return false;
	area_advise(run, base, pages, MADV_HUGEPAGE);
	area_protect(run, base, pages, PROT_READ | PROT_WRITE);
	return true;
}

void *reserve_huge(struct run *run, unsigned int count, unsigned int *pages)
{
	size_t bytes = sysfile_number("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", 0);
	unsigned int small = bytes / page_bytes();
	char *reserved;

	if (!bytes || small > SMALL_MAX) {
		run_skip(run, "no transparent huge pages of a known size");
		return NULL;
	}
	reserved = area_reserve(run, (count + 1) * small);
	if (!reserved)
		return NULL;
	*pages = count * small;
	return reserved + (bytes - (uintptr_t)reserved % bytes) % bytes;
}

void let_fault(struct worker *worker, bool (*is_there)(struct worker *worker))
{
	if (rng_one_in(&worker->rng, 16)) {
		for (int ms = 0; ms < LONG_MS && worker_continue(worker) && !is_there(worker); ms++)
			clock_sleep_ms(1);
	} else if (!rng_one_in(&worker->rng, 3)) {
		clock_sleep_ms(1);
	}
}

void range_touched(struct run *run, struct range *range)
{
	claims_publish(range->claim, TOUCHED, 1, CLAIM_ANY | MAY_BE_ZERO);
	range->touched = (struct touched){
		.base = range->base, .pages = TOUCHED, .claims = range->claim, .write_only = true, .leaves_cpu = true,
		.want.zero_while_changing = true,
	};
	range->huge = run_event(run, SLOT_REQUIRED, "huge");
	touched_count(run, &range->touched, false);
}
