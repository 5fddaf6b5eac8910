#define _GNU_SOURCE
#include "subtests.h"

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
