// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE_MOST (64 * 1024)
#define WAIT_MS 1

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

/* UFFDIO_POISON */
struct poison_request {
	struct uffdio_range range;
	uint64_t mode;
	int64_t updated;
};
#define IOCTL_POISON _IOWR(UFFDIO, 0x08, struct poison_request)

int monitor_open(struct run *run, uint64_t features, const char *what)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == EPERM)
		fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (fd < 0) {
		run_skip(run, "userfaultfd is not available: errno %d", errno);
		return -1;
	}
	if (ioctl(fd, UFFDIO_API, &api) != 0 || (api.features & features) != features) {
		run_skip(run, "this kernel's userfaultfd has no %s", what);
		close(fd);
		return -1;
	}
	return fd;
}

static struct uffdio_range range_of(void *at, unsigned int pages)
{
	return (struct uffdio_range){ (uintptr_t)at, pages * page_bytes() };
}

void monitor_register(struct run *run, int fd, void *at, unsigned int pages, uint64_t mode)
{
	struct uffdio_register reg = { .range = range_of(at, pages), .mode = mode };

	if (ioctl(fd, UFFDIO_REGISTER, &reg) != 0)
		run_fail_errno(run, "UFFDIO_REGISTER");
}

void monitor_wake(struct run *run, int fd, void *at, unsigned int pages)
{
	struct uffdio_range range = range_of(at, pages);

	if (ioctl(fd, UFFDIO_WAKE, &range) != 0)
		run_fail_errno(run, "UFFDIO_WAKE");
}

int monitor_copy(int fd, void *at, uint64_t tag)
{
	static _Thread_local _Alignas(16) uint64_t page[PAGE_MOST / sizeof(uint64_t)];
	struct uffdio_copy copy = { .dst = (uintptr_t)at, .src = (uintptr_t)page, .len = page_bytes() };

	page[WORD_TAG] = tag;
	return ioctl(fd, UFFDIO_COPY, &copy) == 0 ? 0 : errno;
}

int monitor_continue(int fd, void *at)
{
	struct uffdio_continue request = { .range = range_of(at, 1) };

	return ioctl(fd, UFFDIO_CONTINUE, &request) == 0 ? 0 : errno;
}

int monitor_poison(int fd, void *at)
{
	struct poison_request request = { .range = range_of(at, 1) };

	return ioctl(fd, IOCTL_POISON, &request) == 0 ? 0 : errno;
}

int monitor_protect(int fd, void *at, bool on)
{
	struct uffdio_writeprotect request = { .range = range_of(at, 1), .mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0 };

	return ioctl(fd, UFFDIO_WRITEPROTECT, &request) == 0 ? 0 : errno;
}

bool monitor_read(int fd, struct uffd_msg *message)
{
	return read(fd, message, sizeof(*message)) == (ssize_t)sizeof(*message);
}

bool monitor_read_soon(int fd, struct uffd_msg *message)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };

	return poll(&poller, 1, WAIT_MS) > 0 && monitor_read(fd, message);
}

unsigned int monitor_page(const void *base, unsigned int pages, uint64_t address)
{
	uint64_t page = (address - (uintptr_t)base) / page_bytes();

	return page < pages ? page : pages;
}
