/* SPDX-License-Identifier: GPL-2.0-only */
/* Files of /sys and /proc that hold one value. */
#ifndef SYSFILE_H
#define SYSFILE_H

#include <stdbool.h>
#include <stddef.h>

#define SYSFILE_MAX 64

/* the number in it, or 'otherwise' when it cannot be read or has none */
long sysfile_number(const char *path, long otherwise);

/* false, and errno, when it cannot be written */
bool sysfile_write(const char *path, const char *text);

/* A setting of the kernel's that a subtest changes and puts back. */
struct sysfile_setting {
	const char *path, *value;
	char before[SYSFILE_MAX];       /* empty: it was not changed; of a choice ("always [madvise] never") the word in brackets */
};

/* All or none; false, and errno. */
bool sysfile_set(struct sysfile_setting *settings, size_t count);
void sysfile_restore(struct sysfile_setting *settings, size_t count);

#endif
