/* peek-mem, peek-copy, peek-vm-readv: a range is unmapped and mapped again under readers that have the kernel read it for
 * them: through /proc/self/mem, by a copy from user memory (write to a pipe), by process_vm_readv(). Others touch it.
 *
 * Oracles (claim.c), for system calls as for instructions: a settled page is read with its tag and never refused, an
 * unmapped one always is. What is wrong otherwise: a pinned or copied page that belongs to a VMA which was gone. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "subtests.h"

#define PAGES 16
#define WORD sizeof(uint64_t)

struct way {
	claim_loader *load;
	const char *stale, *lost;       /* sabotages; NULL: none */
};

struct zone {
	const struct way *way;
	struct remapped range;
	struct slot *read, *refused;
};

static _Thread_local int pipe_ends[2];
static int memory_fd;

static enum access load_by_mem(const uint64_t *address, uint64_t *value)
{
	return pread(memory_fd, value, WORD, (off_t)(uintptr_t)address) == WORD ? ACCESS_OK : ACCESS_SEGV;
}

static enum access load_by_copy(const uint64_t *address, uint64_t *value)
{
	if (write(pipe_ends[1], address, WORD) != WORD)
		return ACCESS_SEGV;
	return read(pipe_ends[0], value, WORD) == WORD ? ACCESS_OK : ACCESS_BUS;
}

static enum access load_by_readv(const uint64_t *address, uint64_t *value)
{
	struct iovec here = { value, WORD }, there = { (void *)address, WORD };

	return process_vm_readv(getpid(), &here, 1, &there, 1, 0) == WORD ? ACCESS_OK : ACCESS_SEGV;
}

static void peek_often(struct worker *worker)
{
	struct zone *zone = worker->arg;
	uint64_t value;

	if (pipe2(pipe_ends, O_CLOEXEC) != 0) {
		run_fail_errno(worker->run, "pipe");
		return;
	}
	while (worker_continue(worker)) {
		unsigned int page = rng_below(&worker->rng, PAGES);
		struct expected want = { .page = page, .zero_while_changing = true, .copied = true };
		enum access got = claim_checked_load_by(worker->run, zone->way->load, &zone->range.claim,
							area_word(zone->range.base, page, WORD_TAG), want, &value);

		slot_hit(got == ACCESS_OK ? zone->read : zone->refused);
		worker_did(worker);
	}
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

static void peek(struct run *run, const struct way *way)
{
	struct zone zone = { .way = way, .range = { .pages = PAGES, .lost = way->lost, .stale = way->stale } };
	const struct role roles[] = {
		{ .name = "remapper", .body = remap_range, .count = 1, .arg = &zone.range },
		{ .name = "peeker", .body = peek_often, .count = 2, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 3, 1), .arg = &zone.range.touched },
	};

	if (!remapped_start(run, &zone.range))
		return;
	zone.read = run_event(run, SLOT_REQUIRED, "peeks_granted");
	zone.refused = run_event(run, SLOT_REQUIRED, "peeks_refused");
	crew_run(run, roles, COUNT_OF(roles));
}

void peek_mem(struct run *run)
{
	memory_fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	if (memory_fd < 0) {
		run_skip(run, "/proc/self/mem cannot be read");
		return;
	}
	peek(run, &(struct way){ load_by_mem, "mem-stale", "mem-lost" });
}

void peek_copy(struct run *run)
{
	peek(run, &(struct way){ load_by_copy, "copy-stale", NULL });
}

void peek_vm_readv(struct run *run)
{
	uint64_t word = 1, copy;

	if (load_by_readv(&word, &copy) != ACCESS_OK) {
		run_skip(run, "process_vm_readv() is not available");
		return;
	}
	peek(run, &(struct way){ load_by_readv, "readv-stale", NULL });
}
