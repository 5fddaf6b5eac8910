// SPDX-License-Identifier: GPL-2.0-only
/* ask: /proc/PID/maps, smaps_rollup, PROCMAP_QUERY and process_madvise() of a target.
 *
 * Oracles: no mapping ends before the one above it in the list; the anchor, which nobody changes, is in each list, whole and with its
 * protection, and in what is resident; a query about a page agrees with its claim; advice does not change what is read, and
 * the anchor takes it for all of its bytes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "subtests.h"
#include "target.h"

#define TEXT 16384
#define RESIDENT_MOST_KIB (64 * 1024)

/* PROCMAP_QUERY, Linux 6.11 */
struct query {
	uint64_t size, flags, address, start, end, vma_flags, page_size, offset, inode;
	uint32_t dev_major, dev_minor, name_size, build_id_size;
	uint64_t name, build_id;
};
#define IOCTL_QUERY _IOWR('f', 17, struct query)
#define IS_READABLE 1
#define IS_WRITABLE 2

struct asking {
	struct stage *stage;
	struct slot *lists, *sums, *queries, *advised;
};

static bool is_alive(const struct look *look)
{
	return atomic_load(&look->life->alive) && atomic_load(&look->life->serial) == look->serial;
}

/* all of a file that fits; 0 when it cannot be read, as of a process that has ended */
static size_t read_file(pid_t pid, const char *name, char *text)
{
	char path[48];
	size_t length = 0;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (got = read(fd, text + length, TEXT - 1 - length)) > 0)
		length += got;
	if (fd >= 0)
		close(fd);
	text[length] = '\0';
	return length;
}

static void check_list(struct asking *asking, struct look *look, char *text)
{
	struct run *run = asking->stage->run;
	uint64_t first = (uintptr_t)asking->stage->anchor, end_before = 0, covered = 0;
	uint64_t last = first + ANCHOR_PAGES * page_bytes();
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		uint64_t start, end;
		char protection[8];

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &start, &end, protection) != 3)
			continue;
		/* a list is read in parts: what was told may have become part of a larger mapping, which is told then */
		if (end <= end_before || end <= start)
			run_fail(run, "maps of life %llu: %#" PRIx64 "-%#" PRIx64 " after one that ends at %#" PRIx64,
				 (unsigned long long)look->serial, start, end, end_before);
		end_before = end;
		if (end <= first || start >= last)
			continue;
		covered += (end < last ? end : last) - (start > first ? start : first);
		if (strcmp(protection, "rw-p") != 0)
			run_fail(run, "maps of life %llu: the anchor is %s", (unsigned long long)look->serial, protection);
	}
	if (covered != last - first)
		run_fail(run, "maps of life %llu have %#" PRIx64 " bytes of the anchor", (unsigned long long)look->serial, covered);
	slot_hit(asking->lists);
}

static void list(struct asking *asking, struct look *look)
{
	char text[TEXT];
	bool was_alive = is_alive(look);
	size_t length = read_file(look->pid, "maps", text);

	if (was_alive && is_alive(look) && length < TEXT - 1)
		check_list(asking, look, text);
}

static void sum(struct asking *asking, struct look *look)
{
	char text[TEXT];
	bool was_alive = is_alive(look);
	const char *line;
	unsigned long kib = 0;

	read_file(look->pid, "smaps_rollup", text);
	if (!was_alive || !is_alive(look))
		return;
	line = strstr(text, "Rss:");
	if (!line || sscanf(line, "Rss: %lu", &kib) != 1 || kib < ANCHOR_PAGES * page_bytes() / 1024 || kib > RESIDENT_MOST_KIB)
		run_fail(asking->stage->run, "smaps_rollup of life %llu: %lu KiB are resident", (unsigned long long)look->serial, kib);
	slot_hit(asking->sums);
}

/* -1: unknown; else the protection, 0 for a hole */
static int protection_of(pid_t pid, void *at)
{
	struct query query = { .size = sizeof(query), .address = (uintptr_t)at };
	int fd, result;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	result = ioctl(fd, IOCTL_QUERY, &query);
	close(fd);
	if (result != 0)
		return errno == ENOENT ? 0 : -1;
	if (query.start > (uintptr_t)at || query.end <= (uintptr_t)at)
		return 0xff;
	return query.vma_flags & (IS_READABLE | IS_WRITABLE);
}

static void ask_for_page(struct asking *asking, struct look *look)
{
	struct stage *stage = asking->stage;
	bool was_alive = is_alive(look);
	int page = protection_of(look->pid, area_word(stage->base, look->page, 0));
	int anchor = protection_of(look->pid, area_word(stage->anchor, look->page, 0));
	unsigned int may;

	if (!look_end(look) || !was_alive || !is_alive(look) || page < 0 || anchor < 0)
		return;
	may = claim_may(look->before);
	if (anchor != (IS_READABLE | IS_WRITABLE))
		run_fail(stage->run, "the anchor of life %llu has protection %#x", (unsigned long long)look->serial, anchor);
	if (look->before == look->after && ((may == CLAIM_RW && page != (IS_READABLE | IS_WRITABLE)) ||
					    (may == CLAIM_RO && page != IS_READABLE) || (may == CLAIM_NONE && page != 0)))
		run_fail(stage->run, "page %u of life %llu has protection %#x, its claim is %#llx", look->page,
			 (unsigned long long)look->serial, page, (unsigned long long)look->before);
	slot_hit(asking->queries);
}

static void advise(struct asking *asking, struct look *look, int advice)
{
	struct stage *stage = asking->stage;
	bool was_alive = is_alive(look);
	struct iovec anchor = { stage->anchor, ANCHOR_PAGES * page_bytes() };
	struct iovec pages = { area_word(stage->base, look->page, 0), (PAGES - look->page) * page_bytes() };
	int pidfd = syscall(SYS_pidfd_open, look->pid, 0);
	uint64_t value = 0;
	struct iovec here = { &value, sizeof(value) }, there = { area_word(stage->anchor, look->page, WORD_TAG), sizeof(value) };
	ssize_t got;

	if (pidfd < 0)
		return;
	/* a hole in it is refused, or not, as it comes */
	syscall(SYS_process_madvise, pidfd, &pages, 1UL, advice, 0UL);
	got = syscall(SYS_process_madvise, pidfd, &anchor, 1UL, advice, 0UL);
	/* EBADF: nothing to read ahead from, without swap */
	if (got < 0 && (errno == ENOSYS || errno == EPERM || errno == EBADF))
		was_alive = false;
	close(pidfd);
	/* Oracle: advice of this kind takes pages away, at most, and brings the same data back. */
	process_vm_readv(look->pid, &here, 1, &there, 1, 0);
	if (!was_alive || !is_alive(look))
		return;
	if (got != (ssize_t)anchor.iov_len)
		run_fail(stage->run, "advice %d for the anchor of life %llu: %zd of %zu bytes", advice,
			 (unsigned long long)look->serial, got, anchor.iov_len);
	if (value != tag_make(ANCHOR_OWNER, look->page, look->serial))
		run_fail(stage->run, "after advice %d page %u of the anchor of life %llu has %#llx", advice, look->page,
			 (unsigned long long)look->serial, (unsigned long long)value);
	slot_hit(asking->advised);
}

static void ask_on(struct worker *worker)
{
	static const int advice[] = { MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED };
	struct asking *asking = worker->arg;
	struct look look;

	look_give_way();
	while (worker_continue(worker)) {
		if (look_begin(&look, asking->stage, &worker->rng)) {
			switch (rng_below(&worker->rng, 8)) {
			case 0:
				list(asking, &look);
				break;
			case 1:
				sum(asking, &look);
				break;
			case 2:
			case 3:
				advise(asking, &look, advice[rng_below(&worker->rng, 3)]);
				break;
			default:
				ask_for_page(asking, &look);
			}
		}
		worker_did(worker);
	}
}

void ask(struct run *run)
{
	static struct asking asking;
	struct stage *stage = stage_make(run);
	unsigned int askers = run_threads_left(run, 1, 2);
	const struct role roles[] = {
		{ .name = "keeper", .body = keep_target, .count = 1, .arg = stage },
		{ .name = "asker", .body = ask_on, .count = askers > 8 ? 8 : askers, .arg = &asking },
	};

	if (!stage)
		return;
	if (access("/proc/self/smaps_rollup", R_OK) != 0) {
		run_skip(run, "no smaps_rollup (CONFIG_PROC_PAGE_MONITOR)");
		return;
	}
	asking = (struct asking){
		.stage = stage, .lists = run_event(run, SLOT_REQUIRED, "lists"), .sums = run_event(run, SLOT_REQUIRED, "sums"),
		.queries = run_event(run, SLOT_EVENT, "queries"), .advised = run_event(run, SLOT_EVENT, "advised"),
	};
	crew_run(run, roles, COUNT_OF(roles));
}
