// SPDX-License-Identifier: GPL-2.0-only
/* ring: buffers that are registered with an io_uring stay the process's pages, for as long as that lasts: a fork must not make
 * them copy on write for the one who registered them.
 *
 * Oracles: what is stored to a buffer, before or after a fork, is what the ring writes to a file; what the ring reads into it
 * from a file is there for the process. A pin that came apart shows the page of another time. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "subtests.h"

#define PAGES 6
#define ENTRIES 4

struct ring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

struct zone {
	struct run *run;
	void *base;
	int file;
	struct ring ring;
	struct slot *forks;
};

/* false: the kernel has none */
static bool ring_open(struct ring *ring)
{
	struct io_uring_params params = { 0 };
	char *at;

	ring->fd = syscall(SYS_io_uring_setup, ENTRIES, &params);
	if (ring->fd < 0 || !(params.features & IORING_FEAT_SINGLE_MMAP))
		return false;
	at = mmap(NULL, params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe) + params.sq_entries * 4,
		  PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->sqes = mmap(NULL, params.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
			  IORING_OFF_SQES);
	if (at == MAP_FAILED || ring->sqes == MAP_FAILED)
		return false;
	ring->sq_tail = (unsigned int *)(at + params.sq_off.tail);
	ring->sq_mask = (unsigned int *)(at + params.sq_off.ring_mask);
	ring->sq_array = (unsigned int *)(at + params.sq_off.array);
	ring->cq_head = (unsigned int *)(at + params.cq_off.head);
	ring->cq_tail = (unsigned int *)(at + params.cq_off.tail);
	ring->cq_mask = (unsigned int *)(at + params.cq_off.ring_mask);
	ring->cqes = (struct io_uring_cqe *)(at + params.cq_off.cqes);
	return true;
}

/* one operation, waited for; bytes, or -errno */
static int ring_do(struct ring *ring, const struct io_uring_sqe *what)
{
	unsigned int tail = *ring->sq_tail, head = *ring->cq_head;
	int result;

	ring->sqes[tail & *ring->sq_mask] = *what;
	ring->sq_array[tail & *ring->sq_mask] = tail & *ring->sq_mask;
	__atomic_store_n(ring->sq_tail, tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	if (head == __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE))
		return -EAGAIN;
	result = ring->cqes[head & *ring->cq_mask].res;
	__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
	return result;
}

static void move_page(struct zone *zone, unsigned int page, unsigned int opcode)
{
	struct io_uring_sqe what = {
		.opcode = opcode, .fd = zone->file, .off = (uint64_t)page * page_bytes(),
		.addr = (uintptr_t)area_word(zone->base, page, 0), .len = page_bytes(), .buf_index = 0,
	};
	int result = ring_do(&zone->ring, &what);

	if (result != (int)page_bytes())
		run_fail(zone->run, "ring operation %u of page %u: %d", opcode, page, result);
}

static uint64_t in_file(struct zone *zone, unsigned int page)
{
	uint64_t value = 0;

	if (pread(zone->file, &value, sizeof(value), (off_t)page * page_bytes()) != sizeof(value))
		run_fail_errno(zone->run, "pread");
	return value;
}

static void exchange(struct worker *worker, uint64_t serial)
{
	struct zone *zone = worker->arg;
	unsigned int page = rng_below(&worker->rng, PAGES);
	volatile uint64_t *word = area_word(zone->base, page, WORD_TAG);
	uint64_t out = tag_make(0, page, serial), in = tag_make(1, page, serial);

	*word = out;
	if (run_sabotaged(worker->run, "pin-broken"))
		area_map(worker->run, (void *)word, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0);
	*word = out;
	move_page(zone, page, IORING_OP_WRITE_FIXED);
	if (in_file(zone, page) != out)
		run_fail(worker->run, "page %u has %#llx, and the ring wrote %#llx", page, (unsigned long long)out,
			 (unsigned long long)in_file(zone, page));
	area_file_tag(worker->run, zone->file, page, run_sabotaged(worker->run, "read-elsewhere") ? in + 1 : in);
	move_page(zone, page, IORING_OP_READ_FIXED);
	if (*word != in)
		run_fail(worker->run, "the ring read %#llx to page %u, which has %#llx", (unsigned long long)in, page,
			 (unsigned long long)*word);
}

static void wait_a_little(struct run *run, void *arg)
{
	struct zone *zone = arg;
	uint64_t seen[PAGES];

	(void)run;
	/* Oracle: a child has copies of its own of pinned pages. */
	for (unsigned int page = 0; page < PAGES; page++)
		seen[page] = *(volatile uint64_t *)area_word(zone->base, page, WORD_TAG);
	for (unsigned int i = 0; i < 8; i++)
		sched_yield();
	for (unsigned int page = 0; page < PAGES; page++)
		if (*(volatile uint64_t *)area_word(zone->base, page, WORD_TAG) != seen[page])
			run_fail(run, "child: page %u changed under it", page);
}

static void use_ring(struct worker *worker)
{
	struct zone *zone = worker->arg;

	for (uint64_t serial = 1; worker_continue(worker); serial++) {
		pid_t child = rng_one_in(&worker->rng, 4) ? child_start(worker->run, wait_a_little, zone) : -1;

		for (unsigned int i = 0; i < 4; i++)
			exchange(worker, serial * 4 + i);
		if (child > 0) {
			child_wait(worker->run, child);
			slot_hit(zone->forks);
		}
		worker_did(worker);
	}
}

void ring_buffers(struct run *run)
{
	static struct zone zone;
	struct touched splits;
	const struct role roles[] = {
		{ .name = "user", .body = use_ring, .count = 1, .arg = &zone },
		{ .name = "splitter", .body = split_pages, .count = 1, .arg = &splits },
	};
	struct iovec buffer;

	zone = (struct zone){ .run = run, .base = area_reserve(run, PAGES), .file = area_tagged_file(run, 0, PAGES, 0) };
	splits = (struct touched){ .base = zone.base, .pages = PAGES };
	if (!zone.base || zone.file < 0 || area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	area_tag(zone.base, PAGES, 0, 0);
	if (!ring_open(&zone.ring)) {
		run_skip(run, "no io_uring (CONFIG_IO_URING): errno %d", errno);
		return;
	}
	buffer = (struct iovec){ zone.base, PAGES * page_bytes() };
	if (syscall(SYS_io_uring_register, zone.ring.fd, IORING_REGISTER_BUFFERS, &buffer, 1) != 0) {
		run_skip(run, "buffers cannot be registered: errno %d", errno);
		return;
	}
	zone.forks = run_event(run, SLOT_REQUIRED, "forks");
	crew_run(run, roles, COUNT_OF(roles));
}
