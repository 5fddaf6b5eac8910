// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "area.h"
#include "words.h"


struct content *content_new(struct run *run)
{
	void *content = mmap(NULL, sizeof(struct content), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (content == MAP_FAILED)
		run_fail_errno(run, "memory");
	return content == MAP_FAILED ? NULL : content;
}

bool file_open(struct file *file, struct run *run, enum huge huge, struct content *content)
{
	char *place;

	*file = (struct file){ .run = run, .huge = huge, .fd = tmpfs_file(huge), .content = content };
	if (file->fd < 0)
		return false;
	/* so that huge pages fit */
	place = area_reserve(run, (CONTENT_MAX + HUGE_BYTES) / page_bytes());
	if (!place)
		return false;
	place += (HUGE_BYTES - (uintptr_t)place % HUGE_BYTES) % HUGE_BYTES;
	file->map = area_map(run, place, CONTENT_MAX / page_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED,
			     file->fd, 0);
	return file->map != MAP_FAILED;
}

void file_empty(struct file *file)
{
	if (ftruncate(file->fd, 0) != 0)
		run_fail_errno(file->run, "ftruncate");
	content_resize(file->content, 0);
}

bool part_open(struct part *part, struct file *file, struct rng *rng, size_t start, size_t end)
{
	*part = (struct part){ .file = file, .rng = rng, .start = start, .end = end };
	part->buffer = malloc(RUN_MAX);
	if (!part->buffer || pipe(part->pipe) != 0) {
		run_fail_errno(file->run, "pipe");
		return false;
	}
	return true;
}

void part_close(struct part *part)
{
	close(part->pipe[0]);
	close(part->pipe[1]);
	free(part->buffer);
}

void part_note(struct part *part, const char *fmt, ...)
{
	char *text = part->last[part->serial % LAST_OPS];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(part->last[0]), fmt, args);
	va_end(args);
}

void part_fail(struct part *part, const char *fmt, ...)
{
	char text[120], before[LAST_OPS * (sizeof(part->last[0]) + 2)] = "";
	va_list args;

	if (part->failed)
		return;
	part->failed = true;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	for (uint64_t serial = part->serial < LAST_OPS ? 1 : part->serial - LAST_OPS + 1;
	     serial < part->serial; serial++) {
		strcat(before, part->last[serial % LAST_OPS]);
		strcat(before, "; ");
	}
	run_fail(part->file->run, "huge=%s: %s: %s", huge_name(part->file->huge),
		 part->last[part->serial % LAST_OPS], text);
	run_fail(part->file->run, "operation %llu; before: %s", (unsigned long long)part->serial, before);
}

bool part_breaks(const struct part *part, const char *sabotage)
{
	return run_sabotaged(part->file->run, sabotage);
}

void part_compare(struct part *part, const char *way, size_t at, const unsigned char *seen,
		  size_t length)
{
	const struct content *content = part->file->content;
	size_t differs = content_differs(content, at, seen, length);

	if (differs < length)
		part_fail(part, "%s: byte %zu is %#x instead of %#x", way, at + differs, seen[differs],
			  content->bytes[at + differs]);
}

/* Mostly short, and mostly near where something happens: ends of pages and of huge pages. */
bool part_choose(struct part *part, size_t most, size_t *at, size_t *length)
{
	static const size_t steps[] = { 1, 8, 4096, 65536, HUGE_BYTES };
	size_t step = steps[rng_below(part->rng, COUNT_OF(steps))], room;

	*at = part->start + rng_below(part->rng, part->end - part->start);
	*at -= *at % step;
	if (step > 1)
		*at += rng_below(part->rng, 3) - 1; /* before it, on it, behind it */
	if (*at < part->start || *at >= part->end)
		*at = part->start;
	room = part->end - *at < most ? part->end - *at : most;
	*length = 1 + rng_below(part->rng, rng_one_in(part->rng, 4) ? room : room < 5000 ? room : 5000);
	return true;
}

bool part_choose_pages(struct part *part, size_t *at, size_t *length)
{
	size_t bytes = page_bytes(), first = (part->start + bytes - 1) / bytes,
	       behind = part->end / bytes, most;

	if (behind <= first)
		return false;
	*at = first + rng_below(part->rng, behind - first);
	most = behind - *at;
	*length = 1 + rng_below(part->rng, rng_one_in(part->rng, 4) || most < 16 ? most : 16);
	*at *= bytes;
	*length *= bytes;
	return true;
}

static const struct {
	operation *go;
	unsigned int weight;
	bool needs_whole;
} operations[] = {
	{ do_write, 20, false },      { do_read, 10, false },	   { do_store, 20, false },
	{ do_load, 15, false },	      { do_splice, 4, false },	   { do_copy, 4, false },
	{ do_resize, 5, true },	      { do_punch, 6, false },	   { do_remove, 4, false },
	{ do_allocate, 3, false },    { do_ask_holes, 6, false },  { do_ask_size, 2, true },
	{ do_look_behind, 4, true },  { do_advise, 8, false },	   { do_collapse, 2, false },
	{ do_drop, 2, false },	      { do_place, 2, true },	   { do_ask_place, 2, true },
};

void part_operate(struct part *part)
{
	unsigned int sum = 0, at = 0, point;

	for (unsigned int i = 0; i < COUNT_OF(operations); i++)
		sum += operations[i].weight;
	point = rng_below(part->rng, sum);
	while (point >= operations[at].weight)
		point -= operations[at++].weight;
	if (operations[at].needs_whole && !part->is_whole)
		return;
	part->serial++;
	part_note(part, "nothing");
	operations[at].go(part);
}

void part_verify(struct part *part)
{
	size_t end = part->is_whole ? part->file->content->size : part->end;

	part->serial++;
	part_note(part, "verify");
	for (size_t at = part->start; at < end && !part->failed; at += RUN_MAX) {
		size_t length = end - at < RUN_MAX ? end - at : RUN_MAX;

		part_compare(part, "load", at, part->file->map + at, length);
		if (pread(part->file->fd, part->buffer, length, at) != (ssize_t)length)
			part_fail(part, "pread: %s", error_words(errno));
		else
			part_compare(part, "read", at, part->buffer, length);
	}
}
