// SPDX-License-Identifier: GPL-2.0-only
/* storm: questions about a place that others protect, unmap, move, map again and fault on.
 *
 * Oracles: an error is one that some state of the place gives (question.c). Nobody waits for ever. A page has its word, or none yet:
 * a call that looked another VMA up, or looked at one that was gone, puts other things there, or reads them. */
#define _GNU_SOURCE
#include <sys/resource.h>
#include <unistd.h>

#include "subtests.h"
#include "world.h"

#define FAULTER_NICE 10
#define STAY 24                         /* changes of one place before the next */

struct storm {
	struct world world;
	_Atomic unsigned int at;        /* the place where all are */
	char *aside;                    /* KIND_PAGES: where it is moved to */
	struct slot *refused, *done, *moved, *granted, *denied;
};

static struct storm storm_zone;

static struct place *present(void)
{
	return &storm_zone.world.places[atomic_load(&storm_zone.at)];
}

static void ask_on(struct worker *worker)
{
	struct world *world = &storm_zone.world;

	while (worker_continue(worker)) {
		struct cell cell = {
			rng_below(&worker->rng, world->calls_count), atomic_load(&storm_zone.at), rng_below(&worker->rng, SHAPES),
		};
		struct question question;
		struct answers answers;
		long got;

		if (!world_question(world, cell, &question) || question.call->calm)
			continue;
		question.disturbed = true;
		answers = answers_in_storm(&question);
		got = question.call->ask(&question);
		if (run_sabotaged(worker->run, "storm-error-wrong") && got < 0)
			got = -EPROTO;
		if (!answers_have(&answers, got))
			tell_answer(worker->run, &question, got, &answers);
		slot_hit(got < 0 ? storm_zone.refused : storm_zone.done);
		worker_did(worker);
	}
}

static void move_aside(struct place *place)
{
	void *got = mremap(place_page(place, 1), KIND_PAGES * page_bytes(), KIND_PAGES * page_bytes(), MREMAP_MAYMOVE | MREMAP_FIXED,
			   storm_zone.aside);

	/* several VMAs, or a hole */
	if (got == MAP_FAILED)
		return;
	slot_hit(storm_zone.moved);
	mmap(storm_zone.aside, KIND_PAGES * page_bytes(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static void change(struct worker *worker)
{
	struct world *world = &storm_zone.world;

	worker_share_cpu();
	for (unsigned int turn = 0; worker_continue(worker); turn++) {
		struct place *place = present();
		char *at = place_page(place, 1);

		write_to(place, &world->desk, &worker->rng);
		while (run_sabotaged(worker->run, "storm-writer-stuck"))
			clock_sleep_ms(1);
		if (run_sabotaged(worker->run, "storm-word-lost") && place->kind->traits & IS_FULL)
			fault_store((uint64_t *)at, 1);
		if (!(place->kind->traits & STAYS)) {
			if (rng_one_in(&worker->rng, 2))
				munmap(at, KIND_PAGES * page_bytes());
			else
				move_aside(place);
			rng_dither(&worker->rng);
			place_renew(place, &world->desk);
		}
		if (turn % STAY == STAY - 1) {
			atomic_store(&storm_zone.at, rng_turn(&worker->rng, turn / STAY + 1, world->places_count));
			place_sides(present(), &world->desk, &worker->rng);
		}
		worker_did(worker);
	}
}

static void fault_on(struct worker *worker)
{
	/* most accesses need no page fault, and whoever changes the place needs a CPU more */
	setpriority(PRIO_PROCESS, gettid(), FAULTER_NICE);
	worker_leave_cpu();
	while (worker_continue(worker)) {
		struct place *place = present();
		unsigned int page = 1 + rng_below(&worker->rng, place->at_home ? place->home_pages : KIND_PAGES);
		uint64_t *at = (uint64_t *)place_page(place, page), value = 0, want = place_word(place, page);
		bool stores = rng_one_in(&worker->rng, 2) && !(place->kind->traits & (IS_VAGUE | IS_HOLE));
		enum access got = stores ? fault_store(at, want) : fault_load(at, &value);

		if (!stores && got == ACCESS_OK && !(place->kind->traits & IS_VAGUE) && value != 0 && value != want)
			run_fail(worker->run, "page %u of %s has %#llx instead of %#llx", page, place->kind->name,
				 (unsigned long long)value, (unsigned long long)want);
		slot_hit(got == ACCESS_OK ? storm_zone.granted : storm_zone.denied);
		worker_did(worker);
	}
}

void storm(struct run *run)
{
	const struct role roles[] = {
		{ .name = "asker", .body = ask_on, .count = 1 },
		{ .name = "changer", .body = change, .count = 1 },
		{ .name = "faulter", .body = fault_on, .count = run_threads_left(run, 2, 1) > 2 ? 2 : run_threads_left(run, 2, 1) },
	};

	/* before the holes are made */
	storm_zone.aside = area_reserve(run, KIND_PAGES);
	if (!storm_zone.aside || !world_open(run, &storm_zone.world, false))
		return;
	storm_zone.refused = run_event(run, SLOT_REQUIRED, "refused");
	storm_zone.done = run_event(run, SLOT_REQUIRED, "done");
	storm_zone.moved = run_event(run, SLOT_REQUIRED, "moved");
	storm_zone.granted = run_event(run, SLOT_REQUIRED, "access_granted");
	storm_zone.denied = run_event(run, SLOT_REQUIRED, "access_refused");
	crew_run(run, roles, COUNT_OF(roles));
}
