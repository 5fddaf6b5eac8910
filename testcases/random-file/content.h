/* SPDX-License-Identifier: GPL-2.0-only */
/* What a file has: its bytes, and how many. Pure: no system calls. */
#ifndef CONTENT_H
#define CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MIB (1ul << 20)
#define CONTENT_MAX (5 * MIB) /* two huge pages of 2 MiB, and half of one */

struct content {
	size_t size;
	unsigned char bytes[CONTENT_MAX]; /* zero from 'size' on */
};

/* Bytes that say when they were written and where, and are not zero */
void content_make(unsigned char *bytes, size_t at, size_t length, uint64_t serial);

void content_write(struct content *content, size_t at, const unsigned char *bytes, size_t length);
void content_clear(struct content *content, size_t at, size_t length);
void content_copy(struct content *content, size_t to, size_t from, size_t length);
void content_resize(struct content *content, size_t size);

/* how many bytes there are from 'at' on, up to 'length' */
size_t content_there(const struct content *content, size_t at, size_t length);

/* the first byte that differs, or 'length' */
size_t content_differs(const struct content *content, size_t at, const unsigned char *bytes,
		       size_t length);

#endif
