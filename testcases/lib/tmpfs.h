/* SPDX-License-Identifier: GPL-2.0-only */
/* Files of tmpfs instances that are mounted nowhere: they end with the last descriptor. */
#ifndef TMPFS_H
#define TMPFS_H

#include <stddef.h>

#include "run.h"

/* What a file may have huge pages for: mount option huge= of tmpfs (Documentation/filesystems/tmpfs.rst). */
enum huge { HUGE_NEVER, HUGE_ALWAYS, HUGE_WITHIN_SIZE, HUGE_ADVISE, HUGE_KINDS };

const char *huge_name(enum huge huge);

/* A new, empty file; -1 and errno where this kernel has no such tmpfs, or does not let us mount one. */
int tmpfs_file(enum huge huge);

#endif
