/* SPDX-License-Identifier: GPL-2.0-only */
/* A userfaultfd and what can be asked of it. */
#ifndef MONITOR_H
#define MONITOR_H

#include <linux/userfaultfd.h>

#include "case.h"

/* newer than the headers at hand may be: Linux 6.4, 6.6, 6.7 */
#define FEATURE_WP_UNPOPULATED (UINT64_C(1) << 13)
#define FEATURE_POISON (UINT64_C(1) << 14)
#define FEATURE_WP_ASYNC (UINT64_C(1) << 15)

/* Opens one that does not block. -1: the run is skipped, because the kernel has none, or not with these features. */
int monitor_open(struct run *run, uint64_t features, const char *what);

/* fails the run on error */
void monitor_register(struct run *run, int fd, void *at, unsigned int pages, uint64_t mode);
void monitor_wake(struct run *run, int fd, void *at, unsigned int pages);

/* 0, or errno; pages are missing, or in the page cache and not mapped, or are to be so marked */
int monitor_copy(int fd, void *at, uint64_t tag);
int monitor_continue(int fd, void *at);
int monitor_poison(int fd, void *at);
int monitor_protect(int fd, void *at, bool on);

/* the next message within a few ms; false: there is none */
bool monitor_read(int fd, struct uffd_msg *message);
bool monitor_read_soon(int fd, struct uffd_msg *message);

/* the page that an address is in, 'pages' when it is in none */
unsigned int monitor_page(const void *base, unsigned int pages, uint64_t address);

#endif
