/* SPDX-License-Identifier: GPL-2.0-only */
/* A thread that writes to its own word of each page, and finds there what it wrote. */
#ifndef WRITER_H
#define WRITER_H

#include "case.h"

/* Writes 'serial' to the worker's word of some page and returns that word. 'stored' is what it wrote to each page before.
 * Oracle: what a writer wrote stays. */
volatile uint64_t *writer_store(struct worker *worker, void *base, unsigned int pages, uint64_t *stored, uint64_t serial);

#endif
