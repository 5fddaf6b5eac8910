#define _GNU_SOURCE
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "marks.h"

#define RETURN 0xc3

bool marks_make(void)
{
	size_t size = MARK_BYTES * MARKS_MAX;
	void *at = mmap((void *)MARKS_AT, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (at != (void *)MARKS_AT)
		return false;
	memset(at, RETURN, size);
	return mprotect(at, size, PROT_READ | PROT_EXEC) == 0;
}

void mark(unsigned int number)
{
	((void (*)(void))(MARKS_AT + MARK_BYTES * number))();
}
