// SPDX-License-Identifier: GPL-2.0-only
/* Reading and writing bytes: by system calls, by the mapping, and from file to pipe and file. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "words.h"

void do_write(struct part *part)
{
	struct content *content = part->file->content;
	size_t at, length;

	if (!part_choose(part, RUN_MAX, &at, &length))
		return;
	part_note(part, "write %zu+%zu", at, length);
	content_make(part->buffer, at, length, part->serial);
	if (!part_breaks(part, "write-lost") &&
	    pwrite(part->file->fd, part->buffer, length, at) != (ssize_t)length)
		part_fail(part, "pwrite: %s", error_words(errno));
	/* what a write to a page does that was split or collapsed meanwhile */
	if (part_breaks(part, "write-strays"))
		memset(part->file->map + (at + CONTENT_MAX / 2) % (4 * MIB), 0, 1);
	if (part->is_whole)
		content_write(content, at, part->buffer, length);
	else
		memcpy(content->bytes + at, part->buffer, length);
}

void do_read(struct part *part)
{
	size_t at, length, there;
	ssize_t got;

	if (!part_choose(part, RUN_MAX, &at, &length))
		return;
	part_note(part, "read %zu+%zu", at, length);
	there = part->is_whole ? content_there(part->file->content, at, length) : length;
	got = pread(part->file->fd, part->buffer, length, at);
	if (got != (ssize_t)there)
		part_fail(part, "pread gives %zd bytes of %zu", got, there);
	else
		part_compare(part, "read", at, part->buffer, there);
}

/* within the file: behind its end nothing is kept */
static bool choose_inside(struct part *part, size_t *at, size_t *length)
{
	if (!part_choose(part, RUN_MAX, at, length))
		return false;
	if (part->is_whole)
		*length = content_there(part->file->content, *at, *length);
	return *length > 0;
}

void do_store(struct part *part)
{
	size_t at, length;

	if (!choose_inside(part, &at, &length))
		return;
	part_note(part, "store %zu+%zu", at, length);
	content_make(part->buffer, at, length, part->serial);
	if (!part_breaks(part, "store-lost"))
		memcpy(part->file->map + at, part->buffer, length);
	memcpy(part->file->content->bytes + at, part->buffer, length);
}

void do_load(struct part *part)
{
	size_t at, length;

	if (!choose_inside(part, &at, &length))
		return;
	part_note(part, "load %zu+%zu", at, length);
	part_compare(part, "load", at, part->file->map + at, length);
}

void do_splice(struct part *part)
{
	size_t at, length;
	off_t offset;
	ssize_t got, came;

	if (!choose_inside(part, &at, &length))
		return;
	part_note(part, "splice %zu+%zu", at, length);
	offset = at;
	/* not to wait: a pipe holds so many pages, whatever is in them */
	got = splice(part->file->fd, &offset, part->pipe[1], NULL, length, SPLICE_F_NONBLOCK);
	if (got <= 0) {
		part_fail(part, "splice: %s", got ? error_words(errno) : "end of file");
		return;
	}
	came = read(part->pipe[0], part->buffer, got);
	if (came != got)
		part_fail(part, "the pipe gives %zd bytes of %zd", came, got);
	else
		part_compare(part, "splice", at, part->buffer, got);
}

void do_copy(struct part *part)
{
	size_t from, to, length, most;
	off_t here, there;

	if (!choose_inside(part, &from, &length) || !part_choose(part, RUN_MAX, &to, &most))
		return;
	if (most < length)
		length = most;
	if (from < to + length && to < from + length)
		return; /* not within itself */
	part_note(part, "copy %zu+%zu to %zu", from, length, to);
	if (!part->is_whole)
		memmove(part->file->content->bytes + to, part->file->content->bytes + from, length);
	else
		content_copy(part->file->content, to, from, length);
	length -= part_breaks(part, "copy-short");
	for (here = from, there = to; length;) {
		ssize_t got = copy_file_range(part->file->fd, &here, part->file->fd, &there, length, 0);

		if (got <= 0) {
			part_fail(part, "copy_file_range: %s", got ? error_words(errno) : "nothing more");
			return;
		}
		length -= got;
	}
}
