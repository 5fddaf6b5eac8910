// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "writer.h"

volatile uint64_t *writer_store(struct worker *worker, void *base, unsigned int pages, uint64_t *stored, uint64_t serial)
{
	unsigned int page = rng_below(&worker->rng, pages);
	volatile uint64_t *word = area_word(base, page, WORD_OF_THREAD(worker->id));

	if (*word != stored[page])
		run_fail(worker->run, "page %u: stored %#llx, later %#llx", page, (unsigned long long)stored[page],
			 (unsigned long long)*word);
	*word = stored[page] = serial;
	return word;
}
