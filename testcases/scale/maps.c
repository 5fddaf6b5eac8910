/* mmap1: anonymous memory; mmap2: a memory file. A round maps and unmaps, nothing else.
 *
 * Oracle, now and then: what was mapped is there, and shows the right page of the file. More often, it would be faults
 * that are measured. */
#include "rounds.h"
#include "subtests.h"

#define CHECK_EVERY 64

static void round_of(struct worker *worker, struct rounds *rounds, int flags, const char *sabotage)
{
	char *at = rounds_map(worker, rounds, flags);
	enum access got = ACCESS_OK;
	unsigned int page = rng_below(&worker->rng, ROUND_PAGES);
	uint64_t value = 0, want = rounds->fd < 0 ? 0 : tag_make(worker->id, page, 0);

	if (!at)
		return;
	if (run_sabotaged(worker->run, sabotage))
		area_unmap(worker->run, at, ROUND_PAGES);
	if (rounds->done[worker->id] % CHECK_EVERY == 0) {
		got = fault_load(area_word(at, page, WORD_TAG), &value);
		if (got != ACCESS_OK || value != want)
			run_fail(worker->run, "page %u of a fresh mapping at %p: expected %#llx, %s with %#llx", page,
				 (void *)at, (unsigned long long)want, access_name(got), (unsigned long long)value);
	}
	area_unmap(worker->run, at, ROUND_PAGES);
	worker_counted(worker);
}

static void mmap1(struct worker *worker, struct rounds *rounds)
{
	round_of(worker, rounds, MAP_PRIVATE, "mmap1-gone");
}

static void mmap2(struct worker *worker, struct rounds *rounds)
{
	round_of(worker, rounds, MAP_SHARED, "mmap2-gone");
}

void mmap1_threads(struct run *run) { rounds_by_threads(run, mmap1, false); }
void mmap1_processes(struct run *run) { rounds_by_processes(run, mmap1, false); }
void mmap2_threads(struct run *run) { rounds_by_threads(run, mmap2, true); }
void mmap2_processes(struct run *run) { rounds_by_processes(run, mmap2, true); }
