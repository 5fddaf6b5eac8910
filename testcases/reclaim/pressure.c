/* pressure, fork: more memory is filled than the cgroup may have. Each page fault of a thread can find the limit reached,
 * and then takes pages from all, itself holding the lock of its VMA. What can be taken are pages given back with
 * MADV_FREE; what cannot is a small part of the limit, so that there is always something to take.
 *
 * Oracles: lazy.c and toucher.c; of the filled memory each page has its tag or is zero. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "lazy.h"
#include "limit.h"
#include "subtests.h"

#define FILLERS 2
#define CHUNKS 8                        /* of a ring; one of them is in use, the others are given back */
#define LIMIT_LEAST 1024                /* pages */
#define LIMIT_MOST 32768

struct ring {
	void *base;
	unsigned int chunk;             /* pages */
};

struct fill {
	struct ring ring[FILLERS];
	struct slot *kept, *taken;
};

static struct fill fill;
static struct lazy lazy;

/* To reach the limit takes some 1500 pages, and nothing is taken before. On a busy host they have not been filled in five
 * seconds by those who read a page first: that maps the zero page, and to replace it by another one all CPUs must be asked to
 * forget it, which waits until the host lets each of them run. Nor by those who give the CPU away after every few pages. */
static void touch_fresh(struct worker *worker, uint64_t *word, uint64_t tag)
{
	*(volatile uint64_t *)word = tag;
	if (*(volatile uint64_t *)(word + 1) != 0)
		run_fail(worker->run, "fresh memory at %p is not zero", (void *)word);
	worker_counted(worker);
}

/* the first CHUNKS rounds find fresh memory */
static void fill_chunk(struct worker *worker, struct ring *ring, unsigned int which, uint64_t round)
{
	void *chunk = area_word(ring->base, which * ring->chunk, 0);
	bool is_fresh = round < 2 * CHUNKS;

	for (unsigned int page = 0; page < ring->chunk && worker_continue(worker); page++) {
		uint64_t *word = area_word(chunk, page, WORD_TAG), value;
		uint64_t tag = tag_make(worker->id, run_sabotaged(worker->run, "filler-wrong") ? page + 1 : page, round);

		if (is_fresh) {
			touch_fresh(worker, word, tag);
			continue;
		}
		value = *(volatile uint64_t *)word;
		if (value == 0)
			slot_hit(fill.taken);
		else if (value == tag_make(worker->id, page, round - CHUNKS))
			slot_hit(fill.kept);
		else
			run_fail(worker->run, "page %u of chunk %u, given back in round %llu, has %#llx", page, which,
				 (unsigned long long)round - CHUNKS, (unsigned long long)value);
		*word = tag;
		worker_did(worker);
	}
	for (unsigned int page = 0; page < ring->chunk && worker_continue(worker); page++)
		if (*area_word(chunk, page, WORD_TAG) != tag_make(worker->id, page, round))
			run_fail(worker->run, "a write was lost: page %u of chunk %u has %#llx", page, which,
				 (unsigned long long)*area_word(chunk, page, WORD_TAG));
	area_advise(worker->run, chunk, ring->chunk, MADV_FREE);
}

static void fill_up(struct worker *worker)
{
	struct ring *ring = &fill.ring[worker->id];

	for (uint64_t round = CHUNKS; worker_continue(worker); round++)
		fill_chunk(worker, ring, round % CHUNKS, round);
}

static void fork_often(struct worker *worker)
{
	while (worker_continue(worker)) {
		child_wait(worker->run, child_start(worker->run, lazy_look_as_child, &lazy));
		worker_did(worker);
	}
}

static bool make_rings(struct run *run, size_t limit)
{
	unsigned int pages = limit * 3 / 4 / page_bytes();

	for (unsigned int i = 0; i < FILLERS; i++) {
		void *base = mmap(NULL, pages * page_bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (base == MAP_FAILED) {
			run_fail_errno(run, "mmap of memory to fill");
			return false;
		}
		/* pages that a child has too are not given back by MADV_FREE: there would soon be nothing to take */
		area_advise(run, base, pages, MADV_DONTFORK);
		fill.ring[i] = (struct ring){ base, pages / CHUNKS };
	}
	fill.taken = run_event(run, SLOT_EVENT, "filled_pages_taken");
	fill.kept = run_event(run, SLOT_EVENT, "filled_pages_kept");
	return true;
}

static void go(struct run *run, unsigned int forkers)
{
	size_t limit = limit_bytes();
	const struct role roles[] = {
		{ .name = "filler", .body = fill_up, .count = FILLERS },
		{ .name = "changer", .body = lazy_change, .count = 1, .arg = &lazy },
		{ .name = "forker", .body = fork_often, .count = forkers },
		{ .name = "toucher", .body = touch, .count = 1, .arg = &lazy.kept },
		{ .name = "reader", .body = touch, .count = 1, .arg = &lazy.given },
	};

	if (limit / page_bytes() < LIMIT_LEAST || limit / page_bytes() > LIMIT_MOST) {
		run_skip(run, "not in a memory cgroup with a limit from %d to %d pages", LIMIT_LEAST, LIMIT_MOST);
		return;
	}
	if (lazy_init(&lazy, run, false) && make_rings(run, limit))
		crew_run(run, roles, COUNT_OF(roles));
}

void pressure(struct run *run)
{
	go(run, 0);
}

void pressure_fork(struct run *run)
{
	go(run, 1);
}
