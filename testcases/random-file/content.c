// SPDX-License-Identifier: GPL-2.0-only
#include "content.h"

#include <string.h>

void content_make(unsigned char *bytes, size_t at, size_t length, uint64_t serial)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = ((at + i) * 31 + serial * 59 + (at + i) / 4096 * 7) % 255 + 1;
}

void content_write(struct content *content, size_t at, const unsigned char *bytes, size_t length)
{
	memcpy(content->bytes + at, bytes, length);
	if (content->size < at + length)
		content->size = at + length;
}

void content_clear(struct content *content, size_t at, size_t length)
{
	memset(content->bytes + at, 0, length);
}

void content_copy(struct content *content, size_t to, size_t from, size_t length)
{
	memmove(content->bytes + to, content->bytes + from, length);
	if (content->size < to + length)
		content->size = to + length;
}

void content_resize(struct content *content, size_t size)
{
	if (size < content->size)
		memset(content->bytes + size, 0, content->size - size);
	content->size = size;
}

size_t content_there(const struct content *content, size_t at, size_t length)
{
	size_t left = at < content->size ? content->size - at : 0;

	return left < length ? left : length;
}

size_t content_differs(const struct content *content, size_t at, const unsigned char *bytes,
		       size_t length)
{
	size_t i = 0;

	if (memcmp(content->bytes + at, bytes, length) == 0)
		return length;
	while (content->bytes[at + i] == bytes[i])
		i++;
	return i;
}
