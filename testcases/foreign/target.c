// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "target.h"

#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define ROUNDS 24
#define LOOKER_NICE 10
#define WORDS 64                        /* of those who write from outside, at most */

static void map_again(struct stage *stage, struct life *life, struct rng *rng, uint64_t generation)
{
	unsigned int first = rng_below(rng, PAGES), count = 1 + rng_below(rng, PAGES - first);
	void *at = area_word(stage->base, first, 0);
	struct claim *claims = &life->claim[first];

	claims_update(claims, count, CLAIM_ANY | MAY_BE_ZERO);
	if (!run_sabotaged(stage->run, "target-stays"))
		area_unmap(stage->run, at, count);
	claims_update(claims, count, CLAIM_NONE);
	rng_dither(rng);
	for (unsigned int page = first; page < first + count; page++)
		claim_publish(&life->claim[page], generation, CLAIM_ANY | MAY_BE_ZERO);
	area_map(stage->run, at, count, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0);
	for (unsigned int page = first; page < first + count && !run_sabotaged(stage->run, "target-untagged"); page++)
		*area_word(stage->base, page, WORD_TAG) = tag_make(0, page, generation);
	claims_update(claims, count, CLAIM_RW);
}

static void split(struct stage *stage, struct life *life, struct rng *rng)
{
	unsigned int page = rng_below(rng, PAGES);
	void *at = area_word(stage->base, page, 0);

	claim_update(&life->claim[page], CLAIM_RW | MAY_FAULT_WRITE);
	area_protect(stage->run, at, 1, PROT_READ);
	claim_update(&life->claim[page], CLAIM_RO);
	rng_dither(rng);
	claim_update(&life->claim[page], CLAIM_RW | MAY_FAULT_WRITE);
	area_protect(stage->run, at, 1, PROT_READ | PROT_WRITE);
	claim_update(&life->claim[page], CLAIM_RW);
}

/* Oracle: who writes into the parent's memory from outside must not be seen in a child's copy. */
static void stand_still(struct run *run, void *arg)
{
	static uint64_t seen[PAGES][WORDS];
	struct stage *stage = arg;

	for (unsigned int turn = 0; turn < 2; turn++) {
		for (unsigned int page = 0; page < PAGES; page++) {
			for (unsigned int word = 0; word < WORDS; word++) {
				uint64_t now = *(volatile uint64_t *)area_word(stage->base, page, 8 * word);

				if (turn == 1 && now != seen[page][word])
					run_fail(run, "a child of the target: word %u of page %u went from %#llx to %#llx", word, page,
						 (unsigned long long)seen[page][word], (unsigned long long)now);
				seen[page][word] = now;
			}
		}
		for (unsigned int i = 0; i < 4; i++)
			sched_yield();
		if (run_sabotaged(run, "child-sees"))
			*area_word(stage->base, 1, WORD_OF_THREAD(1)) += 1;
	}
}

static void live(struct run *run, void *arg)
{
	struct stage *stage = arg;
	uint64_t serial = stage->coming, generation = serial * ROUNDS * 2;
	struct life *life = &stage->life[serial % LIVES];
	struct rng rng = rng_make(run->seed, serial);

	area_map(run, stage->base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0);
	area_map(run, stage->anchor, ANCHOR_PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0);
	area_tag(stage->base, PAGES, 0, generation);
	area_tag(stage->anchor, ANCHOR_PAGES, ANCHOR_OWNER, serial);
	if (run_sabotaged(run, "anchor-unmapped"))
		area_unmap(run, area_word(stage->anchor, 3, 0), 1);
	claims_publish(life->claim, PAGES, generation, CLAIM_RW);
	atomic_store(&life->alive, true);
	for (unsigned int round = 0; round < ROUNDS && !run_stopping(run); round++) {
		switch (rng_below(&rng, 8)) {
		case 0:
			child_wait(run, child_start(run, stand_still, stage));
			slot_hit(stage->forks);
			break;
		case 1:
		case 2:
		case 3:
			map_again(stage, life, &rng, ++generation);
			break;
		default:
			split(stage, life, &rng);
		}
		rng_dither_below(&rng, 4);
		sched_yield();
	}
	atomic_store(&life->alive, false);
	claims_update(life->claim, PAGES, CLAIM_ANY);
}

void keep_target(struct worker *worker)
{
	struct stage *stage = worker->arg;

	for (uint64_t serial = 1; worker_continue(worker); serial++) {
		struct life *life = &stage->life[serial % LIVES];
		pid_t pid;

		stage->coming = serial;
		atomic_store(&life->serial, serial);
		/* nobody can have read of this life yet: the generation is of no matter */
		claims_publish(life->claim, PAGES, serial * ROUNDS * 2, CLAIM_ANY | MAY_BE_ZERO);
		pid = child_start(worker->run, live, stage);
		atomic_store(&life->pid, pid);
		atomic_store(&stage->serial, serial);
		child_wait(worker->run, pid);
		/* Others may be let in yet: whoever is looking at its memory keeps it for them. Its claims stay CLAIM_ANY. */
		worker_did(worker);
	}
}

struct stage *stage_make(struct run *run)
{
	struct stage *stage = mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (stage == MAP_FAILED) {
		run_fail_errno(run, "shared memory");
		return NULL;
	}
	stage->run = run;
	stage->base = area_reserve(run, PAGES);
	stage->anchor = area_reserve(run, ANCHOR_PAGES);
	stage->forks = run_event(run, SLOT_REQUIRED, "forks_of_target");
	return stage->base && stage->anchor ? stage : NULL;
}

void look_give_way(void)
{
	setpriority(PRIO_PROCESS, gettid(), LOOKER_NICE);
}

bool look_begin(struct look *look, struct stage *stage, struct rng *rng)
{
	uint64_t serial = atomic_load(&stage->serial);

	*look = (struct look){ .stage = stage, .serial = serial, .life = &stage->life[serial % LIVES] };
	look->pid = atomic_load(&look->life->pid);
	look->page = rng_below(rng, PAGES);
	look->before = claim_read(&look->life->claim[look->page]);
	return serial != 0;
}

bool look_end(struct look *look)
{
	atomic_thread_fence(memory_order_seq_cst);
	look->after = claim_read(&look->life->claim[look->page]);
	return atomic_load(&look->life->serial) == look->serial;
}

void look_judge_tag(struct look *look, enum access got, uint64_t value, const char *how)
{
	struct expected want = { .page = look->page, .copied = true, .zero_while_changing = true };
	const char *wrong = claim_judge_load(look->before, look->after, got, value, want);

	if (wrong)
		run_fail(look->stage->run, "%s: page %u of life %llu by %s: %s %#llx, claims %#llx..%#llx", wrong, look->page,
			 (unsigned long long)look->serial, how, access_name(got), (unsigned long long)value,
			 (unsigned long long)look->before, (unsigned long long)look->after);
}
