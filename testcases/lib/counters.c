#include "counters.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ktap.h"

#define VMSTAT_MAX (32 * 1024)

static const char *const names[COUNTERS] = {
	"vma_lock_success", "vma_lock_abort", "vma_lock_retry", "vma_lock_miss", "pgfault",
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

void counters_print(const struct counters *before, const struct counters *after)
{
	for (int i = 0; i < COUNTERS; i++)
		if (before->present[i] && after->present[i])
			ktap_metric(names[i], after->value[i] - before->value[i], "events");
}
