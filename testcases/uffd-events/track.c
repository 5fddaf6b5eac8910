// SPDX-License-Identifier: GPL-2.0-only
/* track: PAGEMAP_SCAN says which pages were written, and begins anew, in one step (asynchronous write protection), while
 * threads write to them and their VMA is split and merged.
 *
 * Oracle: a page that is not named stands as it stood after the last scan: a write that nobody was told of is what loses
 * data of checkpoints and of migrated machines. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "monitor.h"
#include "subtests.h"
#include "writer.h"

#define PAGES 8

/* Linux 6.7 */
struct scan_region {
	uint64_t start, end, categories;
};
struct scan_request {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages, inverted, mask, anyof_mask, return_mask;
};
#define IOCTL_SCAN _IOWR('f', 16, struct scan_request)
#define SCAN_AND_PROTECT 1
#define SCAN_ASYNC_ALONE 2
#define IS_WRITTEN 2

struct zone {
	struct run *run;
	int pagemap;
	void *base;
	unsigned int writers;
	struct touched split;
	struct slot *named, *clean;
};

struct picture {
	uint64_t word[PAGES][THREADS_MAX];
};

static void take(struct zone *zone, struct picture *picture)
{
	for (unsigned int page = 0; page < PAGES; page++)
		for (unsigned int id = 0; id < zone->writers; id++)
			picture->word[page][id] = *(volatile uint64_t *)area_word(zone->base, page, WORD_OF_THREAD(id));
}

/* bits of the pages that were written; false: no such call, or a failure that was told */
static bool scan(struct zone *zone, uint64_t *written)
{
	struct scan_region found[PAGES];
	struct scan_request request = {
		.size = sizeof(request), .flags = SCAN_AND_PROTECT | SCAN_ASYNC_ALONE,
		.start = (uintptr_t)zone->base, .end = (uintptr_t)area_word(zone->base, PAGES, 0),
		.vec = (uintptr_t)found, .vec_len = PAGES, .mask = IS_WRITTEN, .return_mask = IS_WRITTEN,
	};
	int count = ioctl(zone->pagemap, IOCTL_SCAN, &request);

	*written = 0;
	for (int i = 0; i < count; i++)
		for (unsigned int page = 0; page < PAGES; page++) {
			uint64_t at = (uintptr_t)area_word(zone->base, page, 0);

			*written |= (uint64_t)(found[i].start <= at && at < found[i].end) << page;
		}
	return count >= 0;
}

static void check(struct zone *zone, uint64_t written, const struct picture *then, const struct picture *now)
{
	for (unsigned int page = 0; page < PAGES; page++) {
		bool same = memcmp(then->word[page], now->word[page], sizeof(then->word[page])) == 0;

		if (run_sabotaged(zone->run, "write-untracked"))
			written = 0;
		if (written >> page & 1)
			slot_hit(zone->named);
		else if (same)
			slot_hit(zone->clean);
		else
			run_fail(zone->run, "page %u was written since the last scan, which this one does not say", page);
	}
}

static void track(struct worker *worker)
{
	struct zone *zone = worker->arg;
	static struct picture then, now;
	uint64_t written;

	if (!scan(zone, &written))
		run_fail_errno(zone->run, "PAGEMAP_SCAN");
	take(zone, &then);
	while (worker_continue(worker)) {
		rng_dither_below(&worker->rng, 3);
		/* what is written after this is of the next round, or named now: both are right */
		take(zone, &now);
		if (!scan(zone, &written)) {
			run_fail_errno(zone->run, "PAGEMAP_SCAN");
			break;
		}
		check(zone, written, &then, &now);
		take(zone, &then);
		worker_did(worker);
	}
}

static void write_on(struct worker *worker)
{
	struct zone *zone = worker->arg;
	uint64_t stored[PAGES] = { 0 };

	for (uint64_t serial = 1; worker_continue(worker); serial++) {
		writer_store(worker, zone->base, PAGES, stored, serial);
		/* some pages have to stay clean for a while */
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}

void track_writes(struct run *run)
{
	static struct zone zone;
	unsigned int writers = run_threads_left(run, 2, 2);
	const struct role roles[] = {
		{ .name = "tracker", .body = track, .count = 1, .arg = &zone },
		{ .name = "splitter", .body = split_pages, .count = 1, .arg = &zone.split },
		{ .name = "writer", .body = write_on, .count = writers > 3 ? 3 : writers, .arg = &zone },
	};
	uint64_t written;
	int fd = monitor_open(run, FEATURE_WP_ASYNC | FEATURE_WP_UNPOPULATED, "asynchronous write protection (Linux 6.7)");

	if (fd < 0)
		return;
	zone = (struct zone){ .run = run, .writers = writers > 3 ? 3 : writers, .base = area_reserve(run, PAGES) };
	zone.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (zone.pagemap < 0) {
		run_skip(run, "no /proc/self/pagemap (CONFIG_PROC_PAGE_MONITOR)");
		return;
	}
	if (!zone.base || area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	monitor_register(run, fd, zone.base, PAGES, UFFDIO_REGISTER_MODE_WP);
	if (!scan(&zone, &written)) {
		run_skip(run, "no PAGEMAP_SCAN: errno %d", errno);
		return;
	}
	zone.split = (struct touched){ .base = zone.base, .pages = PAGES };
	zone.named = run_event(run, SLOT_REQUIRED, "named_written");
	zone.clean = run_event(run, SLOT_REQUIRED, "clean");
	crew_run(run, roles, COUNT_OF(roles));
}
