// SPDX-License-Identifier: GPL-2.0-only
/* Where a file ends and where it has holes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "area.h"
#include "fault.h"
#include "file.h"
#include "words.h"

void do_resize(struct part *part)
{
	struct content *content = part->file->content;
	size_t size = rng_below(part->rng, CONTENT_MAX + 1), before = content->size;

	if (rng_one_in(part->rng, 3))
		size -= size % page_bytes();
	part_note(part, "resize %zu", size);
	if (!part_breaks(part, "cut-not") && ftruncate(part->file->fd, size) != 0)
		part_fail(part, "ftruncate: %s", error_words(errno));
	content_resize(content, size);
	if (part_breaks(part, "grown-dirty") && size > before)
		part->file->map[before] = 1;
}

static void clear(struct part *part, size_t at, size_t length)
{
	content_clear(part->file->content, at, length);
}

void do_punch(struct part *part)
{
	size_t at, length;

	if (!part_choose(part, 2 * MIB, &at, &length))
		return;
	part_note(part, "punch %zu+%zu", at, length);
	if (!part_breaks(part, "punch-not") &&
	    fallocate(part->file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length) != 0)
		part_fail(part, "fallocate to punch: %s", error_words(errno));
	clear(part, at, length);
}

void do_remove(struct part *part)
{
	size_t at, length;

	if (!part_choose_pages(part, &at, &length))
		return;
	part_note(part, "remove %zu+%zu", at, length);
	if (madvise(part->file->map + at, length, MADV_REMOVE) != 0)
		part_fail(part, "madvise(MADV_REMOVE): %s", error_words(errno));
	clear(part, at, length);
}

void do_allocate(struct part *part)
{
	bool keeps = !part->is_whole || rng_one_in(part->rng, 2);
	struct content *content = part->file->content;
	size_t at, length;

	if (!part_choose(part, MIB, &at, &length))
		return;
	part_note(part, "allocate %zu+%zu%s", at, length, keeps ? " within" : "");
	if (fallocate(part->file->fd, keeps ? FALLOC_FL_KEEP_SIZE : 0, at, length) != 0)
		part_fail(part, "fallocate: %s", error_words(errno));
	else if (!keeps && content->size < at + length)
		content_resize(content, at + length);
}

/* Oracle: what has been written is no hole; a hole, and be it that behind all data, lies behind it
 * and not behind the end. */
void do_ask_holes(struct part *part)
{
	const struct content *content = part->file->content;
	size_t at, length;
	off_t data, hole;

	if (!part_choose(part, RUN_MAX, &at, &length) ||
	    (part->is_whole && !content_there(content, at, 1)) || !content->bytes[at])
		return;
	part_note(part, "holes at %zu", at);
	data = lseek(part->file->fd, at, SEEK_DATA);
	hole = lseek(part->file->fd, at, SEEK_HOLE);
	if (part_breaks(part, "data-hidden"))
		data++;
	if (data != (off_t)at)
		part_fail(part, "data begins at %lld", (long long)data);
	else if (hole <= (off_t)at || (part->is_whole && hole > (off_t)content->size))
		part_fail(part, "a hole begins at %lld", (long long)hole);
}

static size_t written_pages(const struct content *content)
{
	static const unsigned char none[4096];
	size_t pages = 0, step = page_bytes();

	for (size_t at = 0; at < content->size; at += step) {
		bool written = false;

		for (size_t i = at; i < at + step && i < CONTENT_MAX && !written; i += sizeof(none)) {
			size_t left = CONTENT_MAX - i;

			written = memcmp(content->bytes + i, none, left < sizeof(none) ? left : sizeof(none));
		}
		pages += written;
	}
	return pages;
}

/* Oracle: the file is as long as it was made, each page with something in it has memory, and an
 * empty file has none. */
void do_ask_size(struct part *part)
{
	const struct content *content = part->file->content;
	struct stat stat;

	part_note(part, "size");
	if (fstat(part->file->fd, &stat) != 0)
		part_fail(part, "fstat: %s", error_words(errno));
	else if (stat.st_size != (off_t)content->size)
		part_fail(part, "the size is %lld instead of %zu", (long long)stat.st_size, content->size);
	else if ((size_t)stat.st_blocks * 512 < written_pages(content) * page_bytes())
		part_fail(part, "%lld blocks for %zu pages", (long long)stat.st_blocks,
			  written_pages(content));
}

static size_t rounded_up(size_t bytes, size_t step)
{
	return (bytes + step - 1) / step * step;
}

/* Oracle: behind the page that the file ends in, nothing can be accessed; up to there all can. That
 * page may be huge, which nobody can know. */
void do_look_behind(struct part *part)
{
	size_t at, length, size = part->file->content->size;
	bool must, may;
	enum access got;
	uint64_t value;

	if (!part_choose(part, sizeof(value), &at, &length))
		return;
	at -= at % page_bytes();
	part_note(part, "access page at %zu", at);
	must = at < rounded_up(size, page_bytes());
	may = at < rounded_up(size, HUGE_BYTES);
	got = fault_load((const uint64_t *)(part->file->map + at), &value);
	if (part_breaks(part, "end-readable"))
		got = ACCESS_OK;
	if (got == ACCESS_SEGV || (got == ACCESS_OK ? !may : must))
		part_fail(part, "%s, in a file of %zu bytes", access_name(got), size);
}
