// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "zone.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define UPPER_WORD(words) ((words) * 3 / 4)     /* in the half of a page that no thread writes to */

static off_t bytes_of(unsigned int pages)
{
	return (off_t)pages * page_bytes();
}

static void set_size(struct zone *zone, off_t bytes)
{
	if (ftruncate(zone->file, bytes) != 0)
		run_fail_errno(zone->run, "ftruncate");
}

static void cut(struct zone *zone, unsigned int pages)
{
	for (unsigned int page = pages; page < zone->size; page++) {
		atomic_fetch_add(&zone->cuts[page], 1);
		claim_update(&zone->claim[page], CLAIM_ANY | MAY_BE_ZERO);
	}
	if (!run_sabotaged(zone->run, "cut-not"))
		set_size(zone, bytes_of(pages));
	for (unsigned int page = pages; page < zone->size; page++)
		claim_publish(&zone->claim[page], ++zone->generation[page], CLAIM_NONE);
	zone->size = pages;
	slot_hit(zone->cut);
}

static void grow(struct zone *zone, unsigned int pages)
{
	claims_update(&zone->claim[zone->size], pages - zone->size, CLAIM_ANY | MAY_BE_ZERO);
	set_size(zone, bytes_of(pages));
	if (run_sabotaged(zone->run, "grown-dirty"))
		area_file_tag(zone->run, zone->file, zone->size, tag_make(0, zone->size, zone->generation[zone->size] - 1));
	claims_update(&zone->claim[zone->size], pages - zone->size, CLAIM_RW | MAY_BE_ZERO);
	for (unsigned int page = zone->size; page < pages; page++)
		atomic_fetch_add(&zone->cuts[page], 1);
	zone->size = pages;
}

/* by the file or by the mapping */
static void punch(struct zone *zone, unsigned int first, unsigned int count, bool by_mapping)
{
	claims_update(&zone->claim[first], count, CLAIM_RW | MAY_BE_ZERO | MAY_LOSE_WRITES);
	if (run_sabotaged(zone->run, "punch-not"))
		;
	else if (by_mapping)
		area_advise(zone->run, area_word(zone->base, first, 0), count, MADV_REMOVE);
	else if (fallocate(zone->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, bytes_of(first), bytes_of(count)) != 0)
		run_fail_errno(zone->run, "fallocate");
	for (unsigned int page = first; page < first + count; page++)
		claim_publish(&zone->claim[page], ++zone->generation[page], CLAIM_RW | MAY_BE_ZERO);
	slot_hit(zone->punched);
}

static void write_tag(struct zone *zone, unsigned int page)
{
	/* the number stays: what threads wrote to the page stays, too */
	claim_update(&zone->claim[page], CLAIM_RW | MAY_BE_ZERO);
	area_file_tag(zone->run, zone->file, page, tag_make(0, page, zone->generation[page]));
	claim_update(&zone->claim[page], CLAIM_RW);
	slot_hit(zone->written);
}

/* Oracle: of a page that the file ends in the middle of, what lies behind the end is zero when the file has grown again. */
static void cut_in_half(struct zone *zone)
{
	unsigned int page = zone->size - 1, words = page_bytes() / sizeof(uint64_t);
	uint64_t mark = 0x11, seen = mark;
	off_t at = bytes_of(page) + UPPER_WORD(words) * sizeof(uint64_t);

	atomic_fetch_add(&zone->cuts[page], 1);
	claim_update(&zone->claim[page], claim_may(claim_read(&zone->claim[page])) | MAY_LOSE_WRITES);
	if (pwrite(zone->file, &mark, sizeof(mark), at) != sizeof(mark))
		run_fail_errno(zone->run, "pwrite");
	if (!run_sabotaged(zone->run, "half-kept"))
		set_size(zone, bytes_of(page) + page_bytes() / 2);
	set_size(zone, bytes_of(zone->size));
	if (zone->is_shared)
		seen = *(volatile uint64_t *)area_word(zone->base, page, UPPER_WORD(words));
	else if (pread(zone->file, &seen, sizeof(seen), at) != sizeof(seen))
		run_fail_errno(zone->run, "pread");
	if (seen != 0)
		run_fail(zone->run, "page %u was cut in half, and has %#llx behind the end", page, (unsigned long long)seen);
	claim_update(&zone->claim[page], claim_may(claim_read(&zone->claim[page])) & ~MAY_LOSE_WRITES);
	atomic_fetch_add(&zone->cuts[page], 1);
}

void zone_change(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct rng *rng = &worker->rng;

	while (worker_continue(worker)) {
		unsigned int page = rng_below(rng, zone->size);

		switch (rng_below(rng, 8)) {
		case 0:
			if (page > 0)
				cut(zone, page);
			break;
		case 1:
		case 2:
			if (zone->size < PAGES)
				grow(zone, zone->size + 1 + rng_below(rng, PAGES - zone->size));
			break;
		case 3:
			punch(zone, page, 1 + rng_below(rng, zone->size - page), zone->is_shared && rng_one_in(rng, 2));
			break;
		case 4:
			cut_in_half(zone);
			break;
		default:
			write_tag(zone, page);
		}
		rng_dither_below(rng, 4);
		worker_did(worker);
	}
}

bool zone_make(struct zone *zone, struct run *run, int map_flags)
{
	*zone = (struct zone){ .run = run, .file = area_tagged_file(run, 0, PAGES, 1), .size = PAGES,
			       .is_shared = map_flags == MAP_SHARED };
	zone->base = area_reserve(run, PAGES);
	if (zone->file < 0 || !zone->base ||
	    area_map(run, zone->base, PAGES, PROT_READ | PROT_WRITE, map_flags, zone->file, 0) == MAP_FAILED)
		return false;
	for (unsigned int page = 0; page < PAGES; page++)
		zone->generation[page] = 1;
	claims_publish(zone->claim, PAGES, 1, CLAIM_RW);
	zone->cut = run_event(run, SLOT_REQUIRED, "cut");
	zone->punched = run_event(run, SLOT_REQUIRED, "punched");
	zone->written = run_event(run, SLOT_REQUIRED, "written");
	return true;
}

enum access zone_refusal(struct zone *zone, unsigned int page, enum access got)
{
	if (got == ACCESS_SEGV)
		run_fail(zone->run, "SIGSEGV at page %u of a mapping that stays", page);
	return got == ACCESS_BUS ? ACCESS_SEGV : got;
}
