/* SPDX-License-Identifier: GPL-2.0-only */
/* What an ELF core file says of memory. */
#ifndef ELF_H
#define ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct core_file {
	const unsigned char *bytes;
	size_t length;
};

/* maps the file; false: it is no core file, or cannot be read. Give it back with core_close(). */
bool core_open(struct core_file *core, const char *path);
void core_close(struct core_file *core);

/* the word at an address; NULL when the file does not have it */
const uint64_t *core_word(const struct core_file *core, uint64_t address);

/* How many threads it has the registers of. */
unsigned int core_threads(const struct core_file *core);

#endif
