// SPDX-License-Identifier: GPL-2.0-only
/* receive: a TCP socket gives received pages to a mapping of it (TCP_ZEROCOPY_RECEIVE), which looks the VMA up without the
 * lock of the address space, while that mapping is split, merged, thrown away in part and replaced.
 *
 * Oracles: what was mapped or copied is the stream, byte by byte, at its place: a page went to another mapping, or was used
 * again while it was still mapped. A page that was replaced is not accessible (an empty mapping of a socket gives SIGBUS). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <time.h> /* linux/errqueue.h needs it */
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "subtests.h"

#define PAGES 16
#define SEND_PAGES 7
#define PAGE_MOST (64 * 1024)
#define TIMESTAMPS 12                   /* bytes of a segment that are no data */

#ifndef TCP_ZEROCOPY_RECEIVE
#define TCP_ZEROCOPY_RECEIVE 35
#endif
#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

/* as of Linux 4.19; later members are optional */
struct zerocopy {
	uint64_t address;
	uint32_t length, recv_skip_hint;
};

struct zone {
	struct run *run;
	int in, out;
	void *base;                     /* mapping of the receiving socket */
	void *source;
	uint64_t received;
	struct slot *mapped, *copied;
};

static unsigned char byte_at(uint64_t offset)
{
	uint64_t word = (offset / 8 + 1) * UINT64_C(0x9e3779b97f4a7c15);

	return word >> (offset % 8 * 8);
}

static void check(struct zone *zone, const unsigned char *at, size_t length, const char *how)
{
	uint64_t shift = run_sabotaged(zone->run, "stream-shifted");

	/* some bytes of each part are enough: all of them cost more than to receive them */
	for (size_t i = 0; i < length; i += i % 512 < 8 ? 1 : 504) {
		if (at[i] == byte_at(zone->received + i + shift))
			continue;
		run_fail(zone->run, "byte %llu of the stream, %s: %#x instead of %#x",
			 (unsigned long long)zone->received + i, how, at[i], byte_at(zone->received + i));
		break;
	}
	zone->received += length;
}

/* how many of the calls of send() the kernel has done with: their pages are ours again */
static unsigned int take_done(struct zone *zone)
{
	unsigned int done = 0;

	for (;;) {
		_Alignas(struct cmsghdr) char control[128];
		struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control) };

		if (recvmsg(zone->out, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return done;
		for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
			const struct sock_extended_err *error = (const void *)CMSG_DATA(part);

			if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_RECVERR &&
			    error->ee_origin == SO_EE_ORIGIN_ZEROCOPY)
				done += error->ee_data - error->ee_info + 1;
		}
	}
}

/* whole pages, which stay as they are until the kernel has done with them */
static void send_block(struct worker *worker, struct zone *zone, size_t length)
{
	struct pollfd poller = { .fd = zone->out, .events = POLLOUT };
	unsigned int calls = 0, done = 0;

	for (size_t sent = 0; sent < length && worker_continue(worker);) {
		ssize_t got = send(zone->out, (char *)zone->source + sent, length - sent, MSG_ZEROCOPY | MSG_DONTWAIT | MSG_NOSIGNAL);

		if (got < 0 && errno != EAGAIN && errno != ENOBUFS) {
			run_fail_errno(zone->run, "send");
			return;
		}
		if (got > 0) {
			sent += got;
			calls++;
		} else {
			poll(&poller, 1, 1);
		}
		done += take_done(zone);
	}
	while (done < calls && worker_continue(worker)) {
		poll(&(struct pollfd){ .fd = zone->out }, 1, 1);
		done += take_done(zone);
	}
}

static void send_on(struct worker *worker)
{
	struct zone *zone = worker->arg;
	size_t length = SEND_PAGES * page_bytes();
	unsigned char *source = zone->source;

	for (uint64_t sent = 0; worker_continue(worker); sent += length) {
		for (size_t i = 0; i < length; i++)
			source[i] = byte_at(sent + i);
		send_block(worker, zone, length);
		worker_did(worker);
	}
	shutdown(zone->out, SHUT_WR);
}

/* by advice that sockets' mappings take */
static void split_on(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		void *at = area_word(zone->base, rng_below(&worker->rng, PAGES), 0);

		area_advise(worker->run, at, 1, MADV_RANDOM);
		rng_dither(&worker->rng);
		area_advise(worker->run, at, 1, MADV_NORMAL);
		worker_did(worker);
	}
}

/* the mapping is empty, and stays so until more is received */
static void check_empty(struct zone *zone, unsigned int page)
{
	uint64_t value;
	enum access got = fault_load(area_word(zone->base, page, 0), &value);

	if (got != ACCESS_BUS)
		run_fail(zone->run, "page %u of an empty mapping of a socket: %s", page, access_name(got));
}

static void renew(struct zone *zone, struct rng *rng)
{
	if (run_sabotaged(zone->run, "mapped-stays"))
		area_map(zone->run, zone->base, PAGES, PROT_READ, MAP_PRIVATE, -1, 0);
	else if (rng_one_in(rng, 2))
		area_advise(zone->run, zone->base, PAGES, MADV_DONTNEED);
	else
		area_map(zone->run, zone->base, PAGES, PROT_READ, MAP_SHARED, zone->in, 0);
	check_empty(zone, rng_below(rng, PAGES));
}

static bool copy_rest(struct zone *zone, size_t length)
{
	static unsigned char block[PAGE_MOST];
	ssize_t got = recv(zone->in, block, length < sizeof(block) ? length : sizeof(block), MSG_DONTWAIT);

	if (got > 0) {
		check(zone, block, got, "copied");
		slot_hit(zone->copied);
	}
	return got > 0;
}

static void receive_on(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		unsigned int first = rng_below(&worker->rng, PAGES - 1);
		struct zerocopy want = {
			.address = (uintptr_t)area_word(zone->base, first, 0), .length = (PAGES - first) * page_bytes(),
		};
		socklen_t size = sizeof(want);
		struct pollfd poller = { .fd = zone->in, .events = POLLIN };

		if (poll(&poller, 1, 10) <= 0)
			continue;
		if (getsockopt(zone->in, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &want, &size) != 0) {
			if (errno != EINVAL && errno != EIO && errno != EAGAIN)
				run_fail_errno(zone->run, "TCP_ZEROCOPY_RECEIVE");
			want.length = 0;
			want.recv_skip_hint = page_bytes();
		}
		if (want.length) {
			check(zone, (unsigned char *)area_word(zone->base, first, 0), want.length, "mapped");
			slot_hit(zone->mapped);
		}
		if (want.recv_skip_hint)
			copy_rest(zone, want.recv_skip_hint);
		renew(zone, &worker->rng);
		worker_did(worker);
	}
	/* the sender may wait for room */
	while (copy_rest(zone, PAGE_MOST))
		;
}

static bool connect_both(struct zone *zone)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	int segment = SEND_PAGES * page_bytes() + TIMESTAMPS;

	zone->out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* whole pages in each segment, where the limit allows it */
	if (setsockopt(listener, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment)) == 0)
		setsockopt(zone->out, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment));
	if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 1) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) != 0 ||
	    connect(zone->out, (struct sockaddr *)&address, size) != 0)
		return false;
	zone->in = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	return zone->in >= 0 && setsockopt(zone->out, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)) == 0;
}

void receive_pages(struct run *run)
{
	static struct zone zone;
	const struct role roles[] = {
		{ .name = "sender", .body = send_on, .count = 1, .arg = &zone },
		{ .name = "receiver", .body = receive_on, .count = 1, .arg = &zone },
		{ .name = "splitter", .body = split_on, .count = 1, .arg = &zone },
	};

	zone = (struct zone){ .run = run, .base = area_reserve(run, PAGES), .source = area_reserve(run, SEND_PAGES) };
	if (!zone.base || !zone.source || page_bytes() > PAGE_MOST ||
	    area_map(run, zone.source, SEND_PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	if (!connect_both(&zone)) {
		run_skip(run, "no connection over the loopback: errno %d", errno);
		return;
	}
	if (mmap(zone.base, PAGES * page_bytes(), PROT_READ, MAP_SHARED | MAP_FIXED, zone.in, 0) == MAP_FAILED) {
		run_skip(run, "sockets cannot be mapped: errno %d", errno);
		return;
	}
	zone.mapped = run_event(run, SLOT_REQUIRED, "mapped");
	zone.copied = run_event(run, SLOT_EVENT, "copied");
	crew_run(run, roles, COUNT_OF(roles));
}
