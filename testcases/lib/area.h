/* Pieces of address space. */
#ifndef AREA_H
#define AREA_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include "run.h"

size_t page_bytes(void);

/* the word-th 64-bit word of the page-th page; every thread that writes has a word of its own */
uint64_t *area_word(void *base, unsigned int page, unsigned int word);

/* Words of a page: 0 is the tag, the others are one per writing thread, a cache line apart. */
#define WORD_TAG 0u
#define WORD_OF_THREAD(id) (8u * (1u + (id)))
#define WORDS_OF_PAGE 512u              /* of the smallest page there is */
_Static_assert(WORD_OF_THREAD(THREADS_MAX - 1) < WORDS_OF_PAGE, "a thread's word is in the page");

/* An address range that nothing else will take, not accessible yet. NULL, and the run has failed, if there is none. */
void *area_reserve(struct run *run, unsigned int pages);

/* mmap() over a reserved place; MAP_FAILED fails the run. fd -1: anonymous */
void *area_map(struct run *run, void *at, unsigned int pages, int prot, int flags, int fd, unsigned int file_page);

/* fails the run on error */
void area_unmap(struct run *run, void *at, unsigned int pages);
void area_protect(struct run *run, void *at, unsigned int pages, int prot);
void area_advise(struct run *run, void *at, unsigned int pages, int advice);

/* A memory file whose page i starts with tag_make(owner, i, generation); -1 fails the run. */
int area_tagged_file(struct run *run, unsigned int owner, unsigned int pages, uint64_t generation);
void area_file_tag(struct run *run, int fd, unsigned int page, uint64_t tag);

/* tags every page of a writable mapping */
void area_tag(void *base, unsigned int pages, unsigned int owner, uint64_t generation);

#endif
