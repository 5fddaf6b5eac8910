// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "elf.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const Elf64_Ehdr *header_of(const struct core_file *core)
{
	return (const Elf64_Ehdr *)core->bytes;
}

static const Elf64_Phdr *segment_of(const struct core_file *core, unsigned int index)
{
	return (const Elf64_Phdr *)(core->bytes + header_of(core)->e_phoff) + index;
}

static bool is_core(const struct core_file *core)
{
	const Elf64_Ehdr *header = header_of(core);

	return core->length >= sizeof(*header) && memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
	       header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_type == ET_CORE &&
	       header->e_phoff + header->e_phnum * sizeof(Elf64_Phdr) <= core->length;
}

bool core_open(struct core_file *core, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *at = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0)
		at = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
	if (at == MAP_FAILED)
		return false;
	*core = (struct core_file){ at, status.st_size };
	if (is_core(core))
		return true;
	core_close(core);
	return false;
}

void core_close(struct core_file *core)
{
	munmap((void *)core->bytes, core->length);
}

const uint64_t *core_word(const struct core_file *core, uint64_t address)
{
	for (unsigned int i = 0; i < header_of(core)->e_phnum; i++) {
		const Elf64_Phdr *segment = segment_of(core, i);
		uint64_t into = address - segment->p_vaddr;

		if (segment->p_type == PT_LOAD && address >= segment->p_vaddr && into + sizeof(uint64_t) <= segment->p_filesz &&
		    segment->p_offset + into + sizeof(uint64_t) <= core->length)
			return (const uint64_t *)(core->bytes + segment->p_offset + into);
	}
	return NULL;
}

static unsigned int statuses_in(const unsigned char *at, size_t left)
{
	unsigned int count = 0;

	while (left >= sizeof(Elf64_Nhdr)) {
		const Elf64_Nhdr *note = (const Elf64_Nhdr *)at;
		size_t size = sizeof(*note) + ((note->n_namesz + 3) & ~3u) + ((note->n_descsz + 3) & ~3u);

		if (size > left)
			break;
		count += note->n_type == NT_PRSTATUS;
		at += size;
		left -= size;
	}
	return count;
}

unsigned int core_threads(const struct core_file *core)
{
	for (unsigned int i = 0; i < header_of(core)->e_phnum; i++) {
		const Elf64_Phdr *segment = segment_of(core, i);

		if (segment->p_type == PT_NOTE && segment->p_offset + segment->p_filesz <= core->length)
			return statuses_in(core->bytes + segment->p_offset, segment->p_filesz);
	}
	return 0;
}
