// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "pool.h"

#include <stdio.h>
#include <string.h>

#define PATH_MAX_HERE 96

static size_t size_in_meminfo(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long kib = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Hugepagesize: %lu kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib * 1024;
}

static long count_of(const struct pool *pool, const char *what)
{
	char path[PATH_MAX_HERE];

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%zukB/%s", pool->bytes / 1024, what);
	return sysfile_number(path, 0);
}

long pool_free(const struct pool *pool)
{
	return count_of(pool, "free_hugepages") - count_of(pool, "resv_hugepages");
}

bool pool_find(struct run *run, struct pool *pool, long least)
{
	long got;

	pool->bytes = size_in_meminfo();
	pool->small = pool->bytes / page_bytes();
	got = pool->bytes ? pool_free(pool) : 0;
	if (!pool->bytes)
		run_skip(run, "no huge pages of a pool (CONFIG_HUGETLBFS)");
	else if (got < least)
		run_skip(run, "%ld huge pages are free, %ld are needed (vm.nr_hugepages)", got, least);
	return got >= least;
}

char *pool_reserve(struct run *run, const struct pool *pool, unsigned int count, size_t alignment)
{
	size_t bytes = count * pool->bytes + alignment;
	/* a page more at each end, as area_reserve() has */
	char *at = mmap(NULL, bytes + 2 * page_bytes(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED) {
		run_fail_errno(run, "reserving address space");
		return NULL;
	}
	at += page_bytes();
	return at + (alignment - (uintptr_t)at % alignment) % alignment;
}

void *pool_map(struct run *run, const struct pool *pool, void *at, unsigned int count, int fd, unsigned int file_page)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB : MAP_SHARED | MAP_NORESERVE;
	void *got = mmap(at, count * pool->bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd,
			 fd < 0 ? 0 : (off_t)file_page * pool->bytes);

	if (got == MAP_FAILED)
		run_fail_errno(run, "mmap of huge pages");
	return got;
}
