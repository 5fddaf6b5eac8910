// SPDX-License-Identifier: GPL-2.0-only
/* Files of /proc/PID that look VMAs up: by address, or all of them. Rules: fs/proc/task_mmu.c. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "calls.h"

/* linux/fs.h, from 6.11 and 6.7 on */
struct query {
	uint64_t size, flags, address, start, end, vma_flags, page_size, offset, inode;
	uint32_t dev_major, dev_minor, name_size, build_id_size;
	uint64_t name, build_id;
};
#define QUERY _IOWR('f', 17, struct query)
#define NEXT_TOO 16
#define NO_FLAG (UINT64_C(1) << 40)

struct scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages, inverted, mask, anyof_mask, return_mask;
};
struct region {
	uint64_t start, end, categories;
};
#define SCAN _IOWR('f', 16, struct scan)
#define PRESENT (UINT64_C(1) << 3)
#define REGIONS 16

#define WRONG_VMA (-ENOTUNIQ)           /* no call gives it */

static struct query query_of(const struct question *question)
{
	return (struct query){ .size = sizeof(struct query), .address = (uintptr_t)question->at };
}

/* Oracle: the VMA that is told is one that has the address, and its rights are those of the place. */
static long ask_query(const struct question *question)
{
	struct query query = query_of(question);
	unsigned int traits = question->traits[0];
	long got = answer(ioctl(question->target->maps, QUERY, &query));

	if (got != 0)
		return got;
	if (query.address < query.start || query.address >= query.end)
		return WRONG_VMA;
	if (!question->disturbed && question->shape <= ALL && !(traits & IS_HOLE) && question->call->arg &&
	    (!(query.vma_flags & 1) != !(traits & IS_READABLE) || !(query.vma_flags & 2) != !(traits & IS_WRITABLE)))
		return WRONG_VMA;
	return 0;
}

static void query_rule(const struct question *question, struct answers *answers)
{
	allow(answers, first_page(question, IS_HOLE) ? ONLY(ENOENT) : ONLY(0));
}

static long ask_next(const struct question *question)
{
	struct query query = query_of(question);
	long got;

	query.flags = NEXT_TOO;
	got = answer(ioctl(question->target->maps, QUERY, &query));
	return got == 0 && query.address >= query.end ? WRONG_VMA : got;
}

/* behind each place there is something */
static void next_rule(const struct question *question, struct answers *answers)
{
	(void)question;
	allow(answers, ONLY(0));
}

static long ask_query_flags(const struct question *question)
{
	struct query query = query_of(question);

	query.flags = NO_FLAG;
	return answer(ioctl(question->target->maps, QUERY, &query));
}

static void bad_rule(const struct question *question, struct answers *answers)
{
	(void)question;
	allow(answers, ONLY(EINVAL));
}

static bool has_query(const struct desk *desk)
{
	struct query query = { .size = sizeof(query), .flags = NEXT_TOO };
	int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	bool has = ioctl(maps, QUERY, &query) == 0;

	(void)desk;
	close(maps);
	return has;
}

static long ask_pagemap(const struct question *question)
{
	uint64_t entries[ALL_PAGES];
	uintptr_t page = (uintptr_t)question->at / page_bytes();

	return answer(pread(question->target->pagemap, entries, question->count * sizeof(entries[0]), (off_t)(page * sizeof(entries[0]))));
}

static void pagemap_rule(const struct question *question, struct answers *answers)
{
	allow_done(answers, question->count * sizeof(uint64_t), question->count * sizeof(uint64_t));
}

static bool has_pagemap(const struct desk *desk)
{
	(void)desk;
	return access("/proc/self/pagemap", R_OK) == 0;
}

static long scan(const struct question *question, uint64_t flags)
{
	struct region regions[REGIONS];
	struct scan scan = {
		.size = sizeof(scan), .flags = flags, .start = (uintptr_t)question->at, .end = (uintptr_t)question->at + question->length,
		.vec = (uintptr_t)regions, .vec_len = REGIONS, .mask = PRESENT, .return_mask = PRESENT,
	};

	return answer(ioctl(question->target->pagemap, SCAN, &scan));
}

static long ask_scan(const struct question *question)
{
	return scan(question, 0);
}

static void scan_rule(const struct question *question, struct answers *answers)
{
	allow_done(answers, 0, question->count);
}

static long ask_scan_flags(const struct question *question)
{
	return scan(question, NO_FLAG);
}

static bool has_scan(const struct desk *desk)
{
	struct scan scan = { .size = sizeof(scan), .mask = PRESENT, .return_mask = PRESENT };
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	bool has = ioctl(pagemap, SCAN, &scan) == 0;

	(void)desk;
	close(pagemap);
	return has;
}

static long read_all(const struct question *question, const char *name)
{
	char path[64], text[4096];
	long got;
	int file;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)question->target->pid, name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	got = answer(read(file, text, sizeof(text)));
	close(file);
	return got;
}

static long ask_rollup(const struct question *question)
{
	return read_all(question, "smaps_rollup");
}

static long ask_smaps(const struct question *question)
{
	return read_all(question, "smaps");
}

static void text_rule(const struct question *question, struct answers *answers)
{
	(void)question;
	allow_done(answers, 1, 4096);
}

/* the marks of what was used lately: nothing of what we look at */
static long ask_clear(const struct question *question)
{
	char path[64];
	long got;
	int file;

	snprintf(path, sizeof(path), "/proc/%d/clear_refs", (int)question->target->pid);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	got = answer(write(file, "1", 1));
	close(file);
	return got;
}

static void clear_rule(const struct question *question, struct answers *answers)
{
	(void)question;
	allow_done(answers, 1, 1);
}

/* it does not matter where: one shape is enough */
static bool once(const struct question *question)
{
	return question->shape == WHOLE;
}

static bool has_smaps(const struct desk *desk)
{
	(void)desk;
	return access("/proc/self/smaps_rollup", R_OK) == 0;
}

const struct call proc_calls[] = {
	{ .name = "procmap-query", .ask = ask_query, .rule = query_rule, .arg = 1, .above = ONLY(ENOENT, 0), .foreign = true,
	  .there = has_query },
	{ .name = "procmap-query-next", .ask = ask_next, .rule = next_rule, .above = ONLY(ENOENT, 0), .foreign = true,
	  .there = has_query },
	{ .name = "procmap-query-flags", .ask = ask_query_flags, .rule = bad_rule, .above = ONLY(EINVAL), .foreign = true,
	  .there = has_query },
	{ .name = "pagemap", .ask = ask_pagemap, .rule = pagemap_rule, .foreign = true, .there = has_pagemap },
	{ .name = "pagemap-scan", .ask = ask_scan, .rule = scan_rule, .askew = ONLY(EINVAL), .nothing = ONLY(0),
	  .wraps = ONLY(EFAULT, EINVAL), .above = ONLY(EFAULT, EINVAL), .foreign = true, .there = has_scan },
	{ .name = "pagemap-scan-flags", .ask = ask_scan_flags, .rule = bad_rule, .nothing = ONLY(EINVAL), .wraps = ONLY(EINVAL),
	  .above = ONLY(EINVAL), .foreign = true, .there = has_scan },
	{ .name = "smaps_rollup", .ask = ask_rollup, .rule = text_rule, .fits = once, .foreign = true, .there = has_smaps },
	{ .name = "smaps", .ask = ask_smaps, .rule = text_rule, .fits = once, .foreign = true, .there = has_smaps },
	{ .name = "clear_refs", .ask = ask_clear, .rule = clear_rule, .fits = once, .foreign = true, .there = has_smaps },
	{ 0 },
};
