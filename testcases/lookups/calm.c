// SPDX-License-Identifier: GPL-2.0-only
/* calm: one thread asks each call about each place, in an order drawn from the seed; each time round about another range. The order
 * has all calls, about all kinds, soon, however slow the machine is: turn by turn the next call and the next place, and after all
 * calls each goes on to the place behind its last one.
 *
 * Oracles: the answer is one of those that documentation and source allow (question.c, *_calls.c). The next who changes that VMA
 * gets on: a lock of it that a refusal kept shows as a hang. Then all pages of it have what they had, and can be read and written,
 * or not, as before: a call that was refused halfway has changed nothing, one that was not has changed only what it said. */
#include "subtests.h"
#include "world.h"

struct calm {
	struct world world;
	unsigned int calls[CALLS_MAX], places[PLACES_MAX]; /* in the order of this run */
	struct slot *refused, *done, *all_calls, *all_pairs;
};

static struct calm calm_zone;

static void sabotage(struct run *run, const struct question *question, long *got, struct rng *rng)
{
	struct place *place = &calm_zone.world.places[question->place - calm_zone.world.places];

	if (run_sabotaged(run, "error-wrong") && *got == -ENOMEM)
		*got = -EPERM;
	if (run_sabotaged(run, "refusal-forgotten") && *got == -EINVAL && question->shape == ABOVE)
		*got = 4242;
	if (run_sabotaged(run, "word-lost") && place->kind->traits & IS_FULL && rng_one_in(rng, 4))
		fault_store((uint64_t *)place_page(place, 2), 1);
	if (run_sabotaged(run, "rights-lost") && place->kind->traits & IS_FULL && rng_one_in(rng, 4))
		mprotect(place_page(place, 2), page_bytes(), PROT_READ);
	while (run_sabotaged(run, "writer-stuck"))
		clock_sleep_ms(1);
}

/* false: the call is not asked about this place at all */
static bool pose(struct worker *worker, unsigned int turn, struct question *question)
{
	struct world *world = &calm_zone.world;
	unsigned int column = turn % world->calls_count, row = turn / world->calls_count;
	struct cell cell = { .call = calm_zone.calls[column], .place = calm_zone.places[(column + row) % world->places_count] };

	if (rng_one_in(&worker->rng, 3))
		place_sides(&world->places[cell.place], &world->desk, &worker->rng);
	for (unsigned int shape = 0; shape < SHAPES; shape++) {
		/* each time round another one */
		cell.shape = (cell.call + cell.place + row / world->places_count + shape) % SHAPES;
		if (world_question(world, cell, question))
			return true;
	}
	return false;
}

static bool ask(struct worker *worker, unsigned int turn)
{
	struct world *world = &calm_zone.world;
	struct question question;
	struct answers answers;
	struct place *place;
	const char *changed;
	long got;

	if (!pose(worker, turn, &question))
		return false;
	place = &world->places[question.place - world->places];
	answers = answers_to(&question);
	got = question.call->ask(&question);
	sabotage(worker->run, &question, &got, &worker->rng);
	if (!answers_have(&answers, got))
		tell_answer(worker->run, &question, got, &answers);
	slot_hit(got < 0 ? calm_zone.refused : calm_zone.done);
	/* what has changed as it should is made anew; a stack may have grown */
	if (question.call->spoils || place->kind->traits & GROWS) {
		place_sides(place, &world->desk, &worker->rng);
		if (question.call->spoils && !place_renew(place, &world->desk))
			run_fail_errno(worker->run, place->kind->name);
	}
	changed = place_changed(place, &worker->rng);
	if (changed)
		run_fail(worker->run, "%s of %s, %s: %ld, and %s has changed", question.call->name, place->kind->name,
			 shape_names[question.shape], got, changed);
	write_to(place, &world->desk, &worker->rng);
	if (changed)
		place_renew(place, &world->desk);
	return true;
}

static void shuffle(struct rng *rng, unsigned int *order, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		unsigned int other = rng_below(rng, i + 1);

		order[i] = order[other];
		order[other] = i;
	}
}

static void ask_all(struct worker *worker)
{
	struct world *world = &calm_zone.world;
	unsigned int pairs = world->calls_count * world->places_count;

	shuffle(&worker->rng, calm_zone.calls, world->calls_count);
	shuffle(&worker->rng, calm_zone.places, world->places_count);
	for (unsigned int turn = 0; worker_continue(worker); turn++) {
		if (turn == world->calls_count)
			slot_hit(calm_zone.all_calls);
		if (turn > 0 && turn % pairs == 0)
			slot_hit(calm_zone.all_pairs);
		if (ask(worker, turn))
			worker_did(worker);
	}
}

void calm(struct run *run)
{
	const struct role roles[] = { { .name = "asker", .body = ask_all, .count = 1 } };

	if (!world_open(run, &calm_zone.world, false))
		return;
	calm_zone.refused = run_event(run, SLOT_REQUIRED, "refused");
	calm_zone.done = run_event(run, SLOT_REQUIRED, "done");
	calm_zone.all_calls = run_event(run, SLOT_REQUIRED, "all_calls");
	calm_zone.all_pairs = run_event(run, SLOT_EVENT, "all_pairs");
	crew_run(run, roles, COUNT_OF(roles));
}
