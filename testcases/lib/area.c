#define _GNU_SOURCE
#include "area.h"

#include <stdio.h>
#include <unistd.h>

#include "tag.h"

size_t page_bytes(void)
{
	static size_t bytes;

	if (!bytes)
		bytes = sysconf(_SC_PAGESIZE);
	return bytes;
}

uint64_t *area_word(void *base, unsigned int page, unsigned int word)
{
	return (uint64_t *)((char *)base + page * page_bytes()) + word;
}

void *area_reserve(struct run *run, unsigned int pages)
{
	/* A page more at each end: a hole made inside stays bounded by mappings, so that no thread stack ends up there. */
	char *at = mmap(NULL, (pages + 2) * page_bytes(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED) {
		run_fail_errno(run, "reserving address space");
		return NULL;
	}
	return at + page_bytes();
}

void *area_map(struct run *run, void *at, unsigned int pages, int prot, int flags, int fd, unsigned int file_page)
{
	void *got = mmap(at, pages * page_bytes(), prot, flags | MAP_FIXED | (fd < 0 ? MAP_ANONYMOUS : 0), fd,
			 fd < 0 ? 0 : (off_t)file_page * page_bytes());

	if (got == MAP_FAILED)
		run_fail_errno(run, "mmap");
	return got;
}

void area_unmap(struct run *run, void *at, unsigned int pages)
{
	if (munmap(at, pages * page_bytes()) != 0)
		run_fail_errno(run, "munmap");
}

void area_protect(struct run *run, void *at, unsigned int pages, int prot)
{
	if (mprotect(at, pages * page_bytes(), prot) != 0)
		run_fail_errno(run, "mprotect");
}

void area_advise(struct run *run, void *at, unsigned int pages, int advice)
{
	if (madvise(at, pages * page_bytes(), advice) != 0)
		run_fail_errno(run, "madvise");
}

void area_file_tag(struct run *run, int fd, unsigned int page, uint64_t tag)
{
	if (pwrite(fd, &tag, sizeof(tag), (off_t)page * page_bytes()) != sizeof(tag))
		run_fail_errno(run, "writing a tag to a memory file");
}

int area_tagged_file(struct run *run, unsigned int owner, unsigned int pages, uint64_t generation)
{
	int fd = memfd_create("testcase", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)pages * page_bytes()) != 0) {
		run_fail_errno(run, "memory file");
		return -1;
	}
	for (unsigned int page = 0; page < pages; page++)
		area_file_tag(run, fd, page, tag_make(owner, page, generation));
	return fd;
}

void area_tag(void *base, unsigned int pages, unsigned int owner, uint64_t generation)
{
	for (unsigned int page = 0; page < pages; page++)
		*area_word(base, page, WORD_TAG) = tag_make(owner, page, generation);
}
