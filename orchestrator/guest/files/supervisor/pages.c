#define _GNU_SOURCE
#include "pages.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_SIZE (64 * 1024)

static int meminfo, zoneinfo, refresh, drop;
static char text[TEXT_SIZE];

void pages_open(void)
{
	meminfo = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	zoneinfo = open("/proc/zoneinfo", O_RDONLY | O_CLOEXEC);
	refresh = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);
	drop = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
}

static int read_text(int fd)
{
	size_t used = 0;
	ssize_t got;

	if (fd < 0 || lseek(fd, 0, SEEK_SET) != 0)
		return 0;
	while (used < sizeof(text) - 1 && (got = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += got;
	text[used] = '\0';
	return used > 0;
}

/* in pages; what a kernel does not have it does not use */
static long of_meminfo(const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtol(line + strlen(name), NULL, 10) / (sysconf(_SC_PAGESIZE) / 1024) : 0;
}

/* free pages on the lists of single CPUs, which MemFree leaves out */
static long on_lists_of_cpus(void)
{
	long sum = 0;

	for (const char *at = text; (at = strstr(at, " count:")); at++)
		sum += strtol(at + strlen(" count:"), NULL, 10);
	return sum;
}

struct pages pages_now(void)
{
	static const char *const accounted[] = {
		"\nMemFree:", "\nBuffers:", "\nCached:", "\nSwapCached:", "\nAnonPages:", "\nSlab:", "\nKernelStack:",
		"\nPageTables:", "\nSecPageTables:", "\nVmallocUsed:", "\nPercpu:", "\nHugetlb:",
	};
	struct pages pages = { -1, -1, -1 };

	/* counts wait on their CPUs until they are worth adding up */
	if (refresh >= 0 && write(refresh, "1", 1) != 1)
		return pages;
	if (!read_text(meminfo))
		return pages;
	pages = (struct pages){ of_meminfo("MemTotal:"), of_meminfo("\nMlocked:"), of_meminfo("\nCommitted_AS:") };
	for (unsigned int i = 0; i < sizeof(accounted) / sizeof(accounted[0]); i++)
		pages.unaccounted -= of_meminfo(accounted[i]);
	if (read_text(zoneinfo))
		pages.unaccounted -= on_lists_of_cpus();
	else
		pages.unaccounted = -1;
	return pages;
}

void pages_shrink(void)
{
	if (drop >= 0 && write(drop, "2", 1) != 1)
		return;			/* then the count may be too high, which the limits allow for */
}
