/* SPDX-License-Identifier: GPL-2.0-only */
/* A real file, mapped as a whole, with its model; and who may change which part of it. */
#ifndef FILE_H
#define FILE_H

#include "case.h"
#include "content.h"
#include "crew.h"
#include "tmpfs.h"

#define RUN_MAX (48 * 1024ul) /* bytes of one operation on bytes: a pipe holds them */
#define LAST_OPS 6u
#define HUGE_BYTES (2 * MIB) /* of a huge page, where pages have 4 KiB; else a round number */

struct file {
	struct run *run;
	enum huge huge;
	int fd;
	unsigned char *map; /* CONTENT_MAX bytes, shared, also of what is behind the end */
	struct content *content;
	uint8_t policy[CONTENT_MAX / 4096]; /* of memory, by page: mode of mbind(2) */
};

/* Bytes 'start' to 'end' - 1 of a file are one thread's. */
struct part {
	struct file *file;
	struct rng *rng;
	size_t start, end;
	bool is_whole; /* the file's size is the thread's, too */
	int pipe[2];
	uint64_t serial; /* of operations */
	unsigned char *buffer; /* RUN_MAX bytes */
	char last[LAST_OPS][64]; /* what was done, by serial */
	bool failed;
};

/* NULL, and the run has failed, where there is no memory. */
struct content *content_new(struct run *run);

/* false, and errno: there is no such file. One content does for several files, one after the other. */
bool file_open(struct file *file, struct run *run, enum huge huge, struct content *content);

/* The file as if new, but for its policies of memory. */
void file_empty(struct file *file);

/* false, and the run has failed */
bool part_open(struct part *part, struct file *file, struct rng *rng, size_t start, size_t end);
void part_close(struct part *part);

/* One random operation. Oracle: what is read, by whatever way, is what was written last, by
 * whatever way; what was given up, or never written, is zero; nothing is there behind the end. */
void part_operate(struct part *part);

/* All bytes, by the mapping and by read(2) */
void part_verify(struct part *part);

/* ---- for the operations */

void part_note(struct part *part, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void part_fail(struct part *part, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool part_breaks(const struct part *part, const char *sabotage);
void part_compare(struct part *part, const char *way, size_t at, const unsigned char *seen,
		  size_t length);

typedef void operation(struct part *part);

/* bytes.c */
operation do_write, do_read, do_store, do_load, do_splice, do_copy;
/* shape.c */
operation do_resize, do_punch, do_remove, do_allocate, do_ask_holes, do_ask_size, do_look_behind;
/* advice.c */
operation do_advise, do_collapse, do_drop, do_place, do_ask_place;

/* Where an operation is to be done, in bytes. false: this part has no room for it. */
bool part_choose(struct part *part, size_t most, size_t *at, size_t *length);
/* the same in whole pages */
bool part_choose_pages(struct part *part, size_t *at, size_t *length);

#endif
