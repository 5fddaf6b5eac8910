// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "thp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "area.h"
#include "sysfile.h"
#include "words.h"

#define DIR "/sys/kernel/mm/transparent_hugepage/"
#define PATH_MAX_HERE 96
#define SIZES_MAX 16
#define FILES_MAX (2 * SIZES_MAX + 6)
#define PMD_MOST (4ul << 20)            /* memory that is zeroed for one; with pages of 64 KiB it would be 512 MiB */
#define SMALL_WANTED 16u                /* pages of the other size */
#define VMSTAT_MAX (32 * 1024)

static char paths[FILES_MAX][PATH_MAX_HERE];
static struct sysfile_setting settings[FILES_MAX];
static unsigned int used;
static int knob_file[THP_KNOBS];        /* index of settings */
static const char *turned[THP_KNOBS];   /* what it says now: each write may start or stop khugepaged, which takes long */

/* Without a file of that name nothing is to be set. */
static int add(const char *value, const char *fmt, unsigned long number)
{
	snprintf(paths[used], PATH_MAX_HERE, fmt, number);
	if (access(paths[used], W_OK) != 0)
		return -1;
	settings[used] = (struct sysfile_setting){ .path = paths[used], .value = value };
	return used++;
}

static void find_sizes(struct thp *thp)
{
	for (unsigned int pages = 2; pages <= thp->pmd_pages && used + 2 <= FILES_MAX; pages *= 2) {
		unsigned long kib = pages * page_bytes() / 1024;
		bool is_pmd = pages == thp->pmd_pages;
		/* "By default, PMD-sized hugepages have enabled="inherit" and all other hugepage sizes have "never"" */
		int anon = add(is_pmd ? "inherit" : "never", DIR "hugepages-%lukB/enabled", kib);
		int shmem = add(is_pmd ? "inherit" : "never", DIR "hugepages-%lukB/shmem_enabled", kib);

		if (is_pmd) {
			knob_file[KNOB_PMD_ANON] = anon;
			knob_file[KNOB_PMD_SHMEM] = shmem;
		} else if (anon >= 0 && pages <= SMALL_WANTED) {
			thp->small_pages = pages;
			knob_file[KNOB_SMALL_ANON] = anon;
			knob_file[KNOB_SMALL_SHMEM] = shmem;
		}
	}
}

bool thp_begin(struct run *run, struct thp *thp)
{
	*thp = (struct thp){ .pmd_bytes = sysfile_number(DIR "hpage_pmd_size", 0) };
	used = 0;
	for (int i = 0; i < THP_KNOBS; i++)
		knob_file[i] = -1;
	if (!thp->pmd_bytes || thp->pmd_bytes > PMD_MOST) {
		run_skip(run, "huge pages of %zu bytes: none, or too large", thp->pmd_bytes);
		return false;
	}
	thp->pmd_pages = thp->pmd_bytes / page_bytes();
	add("always", DIR "defrag", 0);
	/* khugepaged begins whenever it becomes allowed to, and puts pages together with no regard to the end of a file; so not where one
	 * is missing. Nor is a huge page to be split for its pages of zeroes. */
	add("0", DIR "khugepaged/max_ptes_none", 0);
	add("0", DIR "shrink_underused", 0);
	knob_file[KNOB_ANON] = add("never", DIR "enabled", 0);
	knob_file[KNOB_SHMEM] = add("never", DIR "shmem_enabled", 0);
	knob_file[KNOB_ZERO] = add("1", DIR "use_zero_page", 0);
	find_sizes(thp);
	for (int i = 0; i < THP_KNOBS; i++) {
		thp->has_knob[i] = knob_file[i] >= 0;
		turned[i] = thp->has_knob[i] ? settings[knob_file[i]].value : NULL;
	}
	if (!thp->has_knob[KNOB_ANON] || !sysfile_set(settings, used)) {
		run_skip(run, "who gets huge pages cannot be set: %s", error_words(errno));
		return false;
	}
	return true;
}

void thp_end(void)
{
	sysfile_restore(settings, used);
}

bool thp_turn(const struct thp *thp, enum thp_knob knob, const char *value)
{
	if (!thp->has_knob[knob])
		return !value;
	if (!value)
		value = settings[knob_file[knob]].value;
	if (strcmp(turned[knob], value) == 0)
		return true;
	if (!sysfile_write(settings[knob_file[knob]].path, value))
		return false;
	turned[knob] = value;
	return true;
}

uint64_t thp_vmstat(const char *name)
{
	static char text[VMSTAT_MAX];
	size_t length = strlen(name), filled = 0;
	ssize_t got = 0;
	int fd = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && filled < sizeof(text) - 1 && (got = read(fd, text + filled, sizeof(text) - 1 - filled)) > 0)
		filled += got;
	if (fd >= 0)
		close(fd);
	text[filled] = '\0';
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			return strtoull(line + length, NULL, 10);
	}
	return 0;
}

static long of_size(unsigned int pages, const char *name)
{
	char path[PATH_MAX_HERE];

	snprintf(path, sizeof(path), DIR "hugepages-%lukB/stats/%s", (unsigned long)(pages * page_bytes() / 1024), name);
	return sysfile_number(path, -1);
}

struct thp_counts thp_count(const struct thp *thp, enum thp_user user, unsigned int pages)
{
	static const char *const words[][4] = {
		[THP_ANON] = { "anon_fault_alloc", "anon_fault_fallback", "thp_fault_alloc", "thp_fault_fallback" },
		[THP_SHMEM] = { "shmem_alloc", "shmem_fallback", "thp_file_alloc", "thp_file_fallback" },
	};
	long made = of_size(pages, words[user][0]), missed = of_size(pages, words[user][1]);
	struct thp_counts counts = { .has_size = made >= 0, .made_of_size = made < 0 ? 0 : made };

	if (pages == thp->pmd_pages) {
		counts.made = thp_vmstat(words[user][2]);
		counts.missed = thp_vmstat(words[user][3]);
	} else {
		counts.made = counts.made_of_size;
		counts.missed = missed < 0 ? 0 : missed;
	}
	return counts;
}
