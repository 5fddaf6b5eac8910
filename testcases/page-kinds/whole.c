// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "whole.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tmpfs.h"

#define LAST_WORD (page_bytes() / sizeof(uint64_t) - 1)

bool whole_begin(struct whole *whole, struct stage *stage, struct run *run)
{
	whole->stage = stage;
	whole->file = tmpfs_file(HUGE_ALWAYS);
	if (whole->file >= 0)
		return stage_begin(stage, run);
	run_skip(run, "no tmpfs with huge pages can be mounted: errno %d", errno);
	return false;
}

const char *whole_name(enum backing backing)
{
	static const char *const names[] = { "anonymous", "shared file", "private file" };

	return names[backing];
}

uint64_t whole_value(const struct whole *whole, unsigned int piece)
{
	return tag_make(whole->backing + 1, piece & 0xff, whole->generation << 8 | piece >> 8);
}

static void put_words(char *page, uint64_t value)
{
	((volatile uint64_t *)page)[0] = value;
	((volatile uint64_t *)page)[LAST_WORD] = ~value;
}

void whole_put(struct whole *whole, unsigned int piece, uint64_t value)
{
	put_words(stage_page(whole->stage, whole->piece[piece].place), value);
	whole->piece[piece].value = whole->piece[piece].or_value = value;
	whole->piece[piece].is_resident = true;
}

long whole_mapped_huge(const struct whole *whole, pid_t pid, unsigned int first, unsigned int pages)
{
	struct smaps smaps;

	if (!smaps_read(whole->stage->run, pid, stage_page(whole->stage, first), stage_page(whole->stage, first + pages), &smaps))
		return -1;
	return whole->backing == ANON ? smaps.kib[SMAPS_ANON_HUGE] : smaps.kib[SMAPS_SHMEM_HUGE];
}

static bool map(struct whole *whole, int flags, int prot)
{
	struct stage *stage = whole->stage;
	unsigned int pages = stage->thp.pmd_pages;

	if (area_map(stage->run, stage->base, pages, PROT_NONE, flags, whole->backing == ANON ? -1 : whole->file, 0) == MAP_FAILED)
		return false;
	area_advise(stage->run, stage->base, pages, MADV_HUGEPAGE);
	area_protect(stage->run, stage->base, pages, prot);
	return true;
}

static bool fill_file(struct whole *whole)
{
	struct stage *stage = whole->stage;

	if (ftruncate(whole->file, 0) != 0 || ftruncate(whole->file, stage->thp.pmd_bytes) != 0) {
		run_fail_errno(stage->run, "ftruncate");
		return false;
	}
	return map(whole, MAP_SHARED, PROT_READ | PROT_WRITE);
}

bool whole_make(struct whole *whole, enum backing backing, uint64_t generation)
{
	struct stage *stage = whole->stage;
	unsigned int pages = stage->thp.pmd_pages;

	whole->backing = backing;
	whole->generation = generation;
	if (!stage_clear(stage) || !thp_turn(&stage->thp, KNOB_ANON, "madvise"))
		return false;
	if (backing == ANON ? !map(whole, MAP_PRIVATE, PROT_READ | PROT_WRITE) : !fill_file(whole))
		return false;
	for (unsigned int i = 0; i < pages; i++) {
		whole->piece[i] = (struct piece){ .place = i };
		whole_put(whole, i, whole_value(whole, i));
	}
	if (backing == FILE_PRIVATE) {
		if (!map(whole, MAP_PRIVATE, PROT_READ | PROT_WRITE))
			return false;
		/* from here on it is anonymous memory where it is stored to */
		for (unsigned int i = 0; i < pages; i++)
			whole->piece[i].is_resident = false;
		(void)*(volatile uint64_t *)stage->base;
	}
	if (!view_pages(stage->run, 0, stage->base, pages, stage->views))
		return false;
	if (view_folio(stage->views, pages) != pages || whole_mapped_huge(whole, 0, 0, pages) != (long)stage->thp.pmd_bytes / 1024) {
		slot_hit(stage->no_memory);
		return false;
	}
	slot_hit(stage->huge);
	return true;
}

static bool has_value(const struct whole *whole, unsigned int index, char *why, size_t size)
{
	const struct piece *piece = &whole->piece[index];
	uint64_t *first = (uint64_t *)stage_page(whole->stage, piece->place), a = 0, b = 0;
	enum access got = fault_load(first, &a), then = fault_load(first + LAST_WORD, &b);
	enum access expected = piece->is_gone ? ACCESS_BUS : ACCESS_OK;
	bool is_it = a == piece->value && b == (piece->value ? ~piece->value : 0);
	bool is_other = a == piece->or_value && b == (piece->or_value ? ~piece->or_value : 0);

	if (got == expected && then == expected && (expected != ACCESS_OK || is_it || is_other))
		return true;
	snprintf(why, size, "page %u: %s, %#llx and %#llx instead of %s, %#llx", index, access_name(got), (unsigned long long)a,
		 (unsigned long long)b, access_name(expected), (unsigned long long)piece->value);
	return false;
}

bool whole_holds(struct whole *whole, char *why, size_t size)
{
	for (unsigned int i = 0; i < whole->stage->thp.pmd_pages; i++) {
		const struct piece *piece = &whole->piece[i];
		uint64_t *hole = (uint64_t *)stage_page(whole->stage, i), value = 0;
		enum access got;

		if (piece->place >= 0) {
			if (!has_value(whole, i, why, size))
				return false;
			if (!piece->is_read_only || piece->is_gone)
				continue;
			got = fault_store((uint64_t *)stage_page(whole->stage, piece->place), piece->value);
		} else {
			got = fault_load(hole, &value);
		}
		if (got != ACCESS_SEGV) {
			snprintf(why, size, "page %u, %s: %s", i, piece->place < 0 ? "a hole" : "read-only", access_name(got));
			return false;
		}
	}
	return true;
}
