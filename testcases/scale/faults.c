/* fault1: anonymous memory; fault2: a private mapping of a file, written to; fault3: a shared one. A round maps, writes to
 * each page and unmaps; the pages are counted.
 *
 * Oracles: fault1 finds zero in each page, fault2 what the file has, fault3 what the same worker wrote in the round
 * before. Anything else is a page of another mapping or a write that went elsewhere. */
#include "rounds.h"
#include "subtests.h"

static void write_each(struct worker *worker, char *at, uint64_t (*expected)(struct worker *, struct rounds *, unsigned int),
		       struct rounds *rounds, uint64_t serial)
{
	for (unsigned int page = 0; page < ROUND_PAGES; page++) {
		volatile uint64_t *word = area_word(at, page, WORD_TAG);
		uint64_t seen = *word, want = expected(worker, rounds, page);

		if (seen != want) {
			run_fail(worker->run, "page %u at %p: expected %#llx, saw %#llx", page, (void *)word,
				 (unsigned long long)want, (unsigned long long)seen);
			return;
		}
		*word = tag_make(worker->id, page, serial);
		worker_counted(worker);
	}
}

static uint64_t zero(struct worker *worker, struct rounds *rounds, unsigned int page)
{
	(void)worker, (void)rounds, (void)page;
	return 0;
}

static uint64_t of_file(struct worker *worker, struct rounds *rounds, unsigned int page)
{
	(void)rounds;
	return tag_make(worker->id, page, 0);
}

static uint64_t of_last_round(struct worker *worker, struct rounds *rounds, unsigned int page)
{
	return tag_make(worker->id, page, rounds->done[worker->id]);
}

static void round_of(struct worker *worker, struct rounds *rounds, int flags,
		     uint64_t (*expected)(struct worker *, struct rounds *, unsigned int), const char *sabotage)
{
	char *at = rounds_map(worker, rounds, flags);

	if (!at)
		return;
	if (run_sabotaged(worker->run, sabotage))
		*area_word(at, ROUND_PAGES / 2, WORD_TAG) = 1;
	write_each(worker, at, expected, rounds, rounds->done[worker->id] + 1);
	area_unmap(worker->run, at, ROUND_PAGES);
}

static void fault1(struct worker *worker, struct rounds *rounds)
{
	round_of(worker, rounds, MAP_PRIVATE, zero, "fault1-dirty");
}

static void fault2(struct worker *worker, struct rounds *rounds)
{
	round_of(worker, rounds, MAP_PRIVATE, of_file, "fault2-dirty");
}

static void fault3(struct worker *worker, struct rounds *rounds)
{
	round_of(worker, rounds, MAP_SHARED, of_last_round, "fault3-dirty");
}

void fault1_threads(struct run *run) { rounds_by_threads(run, fault1, false); }
void fault1_processes(struct run *run) { rounds_by_processes(run, fault1, false); }
void fault2_threads(struct run *run) { rounds_by_threads(run, fault2, true); }
void fault2_processes(struct run *run) { rounds_by_processes(run, fault2, true); }
void fault3_threads(struct run *run) { rounds_by_threads(run, fault3, true); }
void fault3_processes(struct run *run) { rounds_by_processes(run, fault3, true); }
