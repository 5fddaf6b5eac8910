#include "counters.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ktap.h"

#define VMSTAT_MAX (32 * 1024)

enum { LOCKED, ABORT, RETRY, MISS, FAULTS };

static const char *const names[COUNTERS] = {
	[LOCKED] = "vma_lock_success", [ABORT] = "vma_lock_abort", [RETRY] = "vma_lock_retry", [MISS] = "vma_lock_miss",
	[FAULTS] = "pgfault", "thp_fault_alloc", "thp_split_pmd", "thp_collapse_alloc", "pglazyfreed", "pgsteal_file",
	"pswpin", "pswpout", "zswpin", "zswpout", "cow_ksm", "numa_hint_faults", "pgmigrate_success",
};

static void take_line(struct counters *counters, const char *line)
{
	for (int i = 0; i < COUNTERS; i++) {
		size_t length = strlen(names[i]);

		if (strncmp(line, names[i], length) == 0 && line[length] == ' ') {
			counters->value[i] = strtoull(line + length, NULL, 10);
			counters->present[i] = true;
		}
	}
}

void counters_read(struct counters *counters)
{
	static char text[VMSTAT_MAX];
	size_t used = 0;
	ssize_t got = 0;
	char *rest = NULL;
	int fd = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);

	*counters = (struct counters){ 0 };
	if (fd < 0)
		return;
	while (used < sizeof(text) - 1 && (got = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += got;
	close(fd);
	text[used] = '\0';
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		take_line(counters, line);
}

static int index_of(const char *name)
{
	for (int i = 0; i < COUNTERS; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

const char *counters_still(const struct counters *before, const struct counters *after, const char *const *wanted,
			   unsigned int count)
{
	for (unsigned int w = 0; w < count && wanted[w]; w++) {
		int i = index_of(wanted[w]);

		/* a name that is misspelt never moves */
		if (i < 0 || (before->present[i] && after->present[i] && after->value[i] == before->value[i]))
			return wanted[w];
	}
	return NULL;
}

unsigned int counters_locked_percent(const struct counters *before, const struct counters *after)
{
	uint64_t faults = after->value[FAULTS] - before->value[FAULTS];

	if (!after->present[LOCKED] || !after->present[FAULTS] || !faults)
		return 100;
	return (after->value[LOCKED] - before->value[LOCKED]) * 100 / faults;
}

void counters_print(const struct counters *before, const struct counters *after)
{
	for (int i = 0; i < COUNTERS; i++) {
		uint64_t moved = after->value[i] - before->value[i];

		/* that a lock was never taken is worth a line; that there were no huge pages is not */
		if (before->present[i] && after->present[i] && (moved || strncmp(names[i], "vma_lock", 8) == 0))
			ktap_metric(names[i], moved, "events");
	}
}
