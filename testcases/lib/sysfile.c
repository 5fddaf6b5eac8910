// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "sysfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool read_text(const char *path, char text[SYSFILE_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return false;
	got = read(fd, text, SYSFILE_MAX - 1);
	close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

long sysfile_number(const char *path, long otherwise)
{
	char text[SYSFILE_MAX], *end;
	long number;

	if (!read_text(path, text))
		return otherwise;
	number = strtol(text, &end, 10);
	return end == text ? otherwise : number;
}

bool sysfile_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error;
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	error = errno;
	close(fd);
	errno = error;
	return done;
}

/* A file that shows all that can be chosen takes one word alone. */
static void keep_choice(char text[SYSFILE_MAX])
{
	char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;

	if (!close)
		return;
	*close = '\0';
	memmove(text, open + 1, close - open);
}

bool sysfile_set(struct sysfile_setting *settings, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int error;

		if (read_text(settings[i].path, settings[i].before)) {
			keep_choice(settings[i].before);
			if (sysfile_write(settings[i].path, settings[i].value))
				continue;
		}
		error = errno;
		settings[i].before[0] = '\0';
		sysfile_restore(settings, i);
		errno = error;
		return false;
	}
	return true;
}

void sysfile_restore(struct sysfile_setting *settings, size_t count)
{
	for (size_t i = count; i > 0; i--)
		if (settings[i - 1].before[0])
			sysfile_write(settings[i - 1].path, settings[i - 1].before);
}
