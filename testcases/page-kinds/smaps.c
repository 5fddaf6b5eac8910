// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "smaps.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX (512 * 1024)

static const char *const names[SMAPS_FIELDS] = {
	"Size", "Rss", "Pss", "Shared_Clean", "Shared_Dirty", "Private_Clean", "Private_Dirty", "Anonymous", "LazyFree",
	"AnonHugePages", "ShmemPmdMapped", "FilePmdMapped", "Swap", "Locked", "THPeligible",
};

const char *smaps_name(enum smaps_field field)
{
	return names[field];
}

/* NULL, and the run has failed */
static char *read_all(struct run *run, pid_t pid, const char *name)
{
	static char text[TEXT_MAX];
	char path[48];
	size_t used = 0;
	ssize_t got = 0;
	int fd;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	else
		snprintf(path, sizeof(path), "/proc/self/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && used < sizeof(text) - 1 && (got = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += got;
	if (fd < 0 || got < 0 || used == sizeof(text) - 1) {
		run_fail_errno(run, name);
		used = 0;
	}
	if (fd >= 0)
		close(fd);
	text[used] = '\0';
	return used ? text : NULL;
}

static void take_field(struct smaps *smaps, const char *line)
{
	size_t length = strcspn(line, ":");

	for (int i = 0; i < SMAPS_FIELDS; i++) {
		if (strlen(names[i]) == length && strncmp(names[i], line, length) == 0) {
			smaps->kib[i] = (smaps->kib[i] < 0 ? 0 : smaps->kib[i]) + strtol(line + length + 1, NULL, 10);
			return;
		}
	}
}

static bool sum(struct run *run, pid_t pid, const char *name, uintptr_t from, uintptr_t to, struct smaps *smaps)
{
	char *rest = NULL, *text = read_all(run, pid, name);
	bool inside = false;

	*smaps = (struct smaps){ 0 };
	for (int i = 0; i < SMAPS_FIELDS; i++)
		smaps->kib[i] = -1;
	if (!text)
		return false;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		unsigned long start, end;

		/* a field's name and a colon come before the first blank, an address has none */
		if (line[strcspn(line, ": ")] == ' ' && sscanf(line, "%lx-%lx ", &start, &end) == 2) {
			inside = start >= from && end <= to;
			smaps->vmas += inside;
		} else if (inside) {
			take_field(smaps, line);
		}
	}
	return true;
}

bool smaps_read(struct run *run, pid_t pid, const void *from, const void *to, struct smaps *smaps)
{
	return sum(run, pid, "smaps", (uintptr_t)from, (uintptr_t)to, smaps);
}

bool smaps_read_all(struct run *run, pid_t pid, struct smaps *smaps)
{
	return sum(run, pid, "smaps", 0, UINTPTR_MAX, smaps);
}

bool smaps_read_rollup(struct run *run, pid_t pid, struct smaps *smaps)
{
	return sum(run, pid, "smaps_rollup", 0, UINTPTR_MAX, smaps);
}
