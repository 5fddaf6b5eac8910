// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "desk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct uffd uffd_open(void)
{
	struct uffd uffd = { .fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK) };
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_SIGBUS };

	if (uffd.fd >= 0 && ioctl(uffd.fd, UFFDIO_API, &api) != 0) {
		close(uffd.fd);
		uffd.fd = -1;
	}
	uffd.features = api.features;
	return uffd;
}

bool uffd_arm(const struct uffd *uffd, void *at, size_t bytes, uint64_t mode)
{
	struct uffdio_register arm = { .range = { (uintptr_t)at, bytes }, .mode = mode };

	return ioctl(uffd->fd, UFFDIO_REGISTER, &arm) == 0;
}

static void connect_both(struct desk *desk)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	desk->stream_in = -1;
	desk->stream_out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 1) == 0 &&
	    getsockname(listener, (struct sockaddr *)&address, &size) == 0 &&
	    (connect(desk->stream_out, (struct sockaddr *)&address, size) == 0 || errno == EINPROGRESS)) {
		desk->stream_in = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	}
	close(listener);
}

void desk_fill_stream(struct desk *desk)
{
	int waiting = 0;

	if (ioctl(desk->stream_in, FIONREAD, &waiting) == 0 && waiting < 4 * (int)page_bytes())
		(void)!send(desk->stream_out, desk->source, ALL_PAGES * page_bytes(), MSG_NOSIGNAL);
}

bool desk_open(struct run *run, struct desk *desk)
{
	*desk = (struct desk){ .run = run };
	desk->neighbours = area_tagged_file(run, NEIGHBOUR_OWNER, 2 * PLACES_MAX, 0);
	desk->scratch = area_tagged_file(run, SCRATCH_OWNER, ALL_PAGES + 1, 0);
	desk->armed = area_reserve(run, ALL_PAGES);
	desk->source = area_reserve(run, ALL_PAGES);
	desk->zeroes = area_reserve(run, ALL_PAGES);
	if (desk->neighbours < 0 || desk->scratch < 0 || !desk->armed || !desk->source || !desk->zeroes)
		return false;
	area_protect(run, desk->zeroes, ALL_PAGES, PROT_READ);
	if (area_map(run, desk->armed, ALL_PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED ||
	    area_map(run, desk->source, ALL_PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return false;
	area_tag(desk->source, ALL_PAGES, SCRATCH_OWNER, 0);
	if (pipe2(desk->pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
		run_fail_errno(run, "pipe");
		return false;
	}
	connect_both(desk);
	desk->ours = uffd_open();
	desk->other = uffd_open();
	return desk->ours.fd < 0 || uffd_arm(&desk->ours, desk->armed, ALL_PAGES * page_bytes(), UFFDIO_REGISTER_MODE_MISSING);
}
