/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's pool of huge pages of the usual size. */
#ifndef POOL_H
#define POOL_H

#include "case.h"

struct pool {
	size_t bytes;                   /* of a huge page */
	unsigned int small;             /* pages in it */
};

/* false, and the run is skipped: there are none, or fewer than 'least' that nobody has or was promised */
bool pool_find(struct run *run, struct pool *pool, long least);

/* huge pages that nobody has or was promised */
long pool_free(const struct pool *pool);

/* An address range of that many huge pages, aligned to 'alignment' bytes, with nothing in it. NULL: the run has failed */
char *pool_reserve(struct run *run, const struct pool *pool, unsigned int count, size_t alignment);

/* fd -1: private. MAP_FAILED fails the run */
void *pool_map(struct run *run, const struct pool *pool, void *at, unsigned int count, int fd, unsigned int file_page);

#endif
