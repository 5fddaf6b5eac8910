// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "view.h"

#include <fcntl.h>
#include <linux/kernel-page-flags.h>
#include <stdio.h>
#include <unistd.h>

#include "area.h"

#define ENTRY_PRESENT (UINT64_C(1) << 63)
#define ENTRY_SWAPPED (UINT64_C(1) << 62)
#define ENTRY_FILE (UINT64_C(1) << 61)
#define ENTRY_EXCLUSIVE (UINT64_C(1) << 56)
#define ENTRY_FRAME ((UINT64_C(1) << 55) - 1)
#define AT_ONCE 512u

static int flags_fd = -1;

static int open_map(pid_t pid)
{
	char path[40];

	if (pid == 0)
		return open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

bool view_open(struct run *run)
{
	int here = 0;
	uint64_t entry = 0;
	int map = open_map(0);

	/* "Starting from 4.2 the PFN field is zeroed if the user does not have CAP_SYS_ADMIN": pagemap.rst */
	if (map >= 0) {
		here = 1;
		if (pread(map, &entry, 8, (uintptr_t)&here / page_bytes() * 8) != 8)
			entry = 0;
		close(map);
	}
	flags_fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	if (!(entry & ENTRY_FRAME) || flags_fd < 0) {
		run_skip(run, "page frames are not told: not root, or no CONFIG_PROC_PAGE_MONITOR");
		return false;
	}
	return true;
}

static bool flagged(uint64_t flags, int bit)
{
	return flags >> bit & 1;
}

static struct view make_view(uint64_t entry, uint64_t flags)
{
	return (struct view){
		.is_present = entry & ENTRY_PRESENT,
		.is_swapped = entry & ENTRY_SWAPPED,
		.is_file = entry & ENTRY_FILE,
		.is_exclusive = entry & ENTRY_EXCLUSIVE,
		.frame = entry & ENTRY_PRESENT ? entry & ENTRY_FRAME : 0,
		.is_huge = flagged(flags, KPF_THP),
		.is_head = flagged(flags, KPF_COMPOUND_HEAD),
		.is_tail = flagged(flags, KPF_COMPOUND_TAIL),
		.is_zero = flagged(flags, KPF_ZERO_PAGE),
		.is_anon = flagged(flags, KPF_ANON),
		.is_ksm = flagged(flags, KPF_KSM),
	};
}

/* The flags of frames that follow each other are read at once. */
static bool read_flags(const uint64_t *entries, unsigned int count, uint64_t *flags)
{
	for (unsigned int i = 0, n; i < count; i += n) {
		ssize_t bytes;

		flags[i] = 0;
		n = 1;
		if (!(entries[i] & ENTRY_PRESENT))
			continue;
		while (i + n < count && entries[i + n] & ENTRY_PRESENT &&
		       (entries[i + n] & ENTRY_FRAME) == (entries[i] & ENTRY_FRAME) + n)
			n++;
		bytes = n * sizeof(*flags);
		if (pread(flags_fd, &flags[i], bytes, (entries[i] & ENTRY_FRAME) * sizeof(*flags)) != bytes)
			return false;
	}
	return true;
}

bool view_pages(struct run *run, pid_t pid, const void *at, unsigned int count, struct view *views)
{
	uint64_t entries[AT_ONCE], flags[AT_ONCE];
	int map = open_map(pid);
	bool done = map >= 0;

	for (unsigned int i = 0, n; done && i < count; i += n) {
		off_t place = ((uintptr_t)at / page_bytes() + i) * sizeof(*entries);
		ssize_t bytes;

		n = count - i < AT_ONCE ? count - i : AT_ONCE;
		bytes = n * sizeof(*entries);
		done = pread(map, entries, bytes, place) == bytes && read_flags(entries, n, flags);
		for (unsigned int j = 0; done && j < n; j++)
			views[i + j] = make_view(entries[j], flags[j]);
	}
	if (!done)
		run_fail_errno(run, "pagemap or kpageflags");
	if (map >= 0)
		close(map);
	return done;
}

unsigned int view_folio(const struct view *views, unsigned int count)
{
	unsigned int n = 1;

	if (!views[0].is_present)
		return 0;
	if (!views[0].is_huge)
		return 1;
	if (!views[0].is_head)
		return 0;
	while (n < count && views[n].is_present && views[n].is_tail && views[n].frame == views[0].frame + n)
		n++;
	return n;
}

unsigned int view_count_present(const struct view *views, unsigned int count)
{
	unsigned int present = 0;

	for (unsigned int i = 0; i < count; i++)
		present += views[i].is_present;
	return present;
}

unsigned int view_count_huge(const struct view *views, unsigned int count)
{
	unsigned int huge = 0;

	for (unsigned int i = 0; i < count; i++)
		huge += views[i].is_present && views[i].is_huge;
	return huge;
}
