#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "subtests.h"

static size_t read_number(const char *path)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	return strtoull(text, NULL, 10);
}

void *reserve_huge(struct run *run, unsigned int count, unsigned int *pages)
{
	size_t bytes = read_number("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size");
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
