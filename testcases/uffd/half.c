// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "half.h"

void half_settle(struct uffd *uffd, unsigned int may)
{
	for (unsigned int page = HALF; page < UFFD_PAGES; page++)
		claim_update(&uffd->claim[page], may | MAY_LOSE_WRITES | (uffd_is_zero_page(uffd, page) ? MAY_BE_ZERO : 0));
}

void half_return(struct worker *worker, const char *sabotage)
{
	struct uffd *uffd = worker->arg;

	if (!run_sabotaged(worker->run, sabotage))
		uffd_register(uffd, HALF, HALF);
	/* pages that came in before the registration are plain zero pages; after it none can be */
	area_advise(worker->run, area_word(uffd->base, HALF, 0), HALF, MADV_DONTNEED);
	half_settle(uffd, CLAIM_RW);
	rng_dither_below(&worker->rng, 6);
}
