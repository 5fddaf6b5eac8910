// SPDX-License-Identifier: GPL-2.0-only
/* calm: one thread asks each call about each place, in an order drawn from the seed; each time round about another range.
 *
 * Oracles: the answer is one of those that documentation and source allow (question.c, *_calls.c). The next who changes that VMA
 * gets on: a lock of it that a refusal kept shows as a hang. Then all pages of it have what they had, and can be read and written,
 * or not, as before: a call that was refused halfway has changed nothing, one that was not has changed only what it said. */
#include "subtests.h"
#include "world.h"

struct calm {
	struct world world;
	unsigned int order[CALLS_MAX * PLACES_MAX], count;
	struct slot *refused, *done, *all;
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
static bool pose(struct worker *worker, unsigned int pair, unsigned int round, struct question *question)
{
	struct world *world = &calm_zone.world;
	struct cell cell = { .call = pair / world->places_count, .place = pair % world->places_count };

	if (rng_one_in(&worker->rng, 3))
		place_sides(&world->places[cell.place], &world->desk, &worker->rng);
	for (unsigned int shape = 0; shape < SHAPES; shape++) {
		/* neighbours in the order begin with different ranges */
		cell.shape = (calm_zone.order[pair] + round + shape) % SHAPES;
		if (world_question(world, cell, question))
			return true;
	}
	return false;
}

static bool ask(struct worker *worker, unsigned int pair, unsigned int round)
{
	struct world *world = &calm_zone.world;
	struct question question;
	struct answers answers;
	struct place *place;
	const char *changed;
	long got;

	if (!pose(worker, pair, round, &question))
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
	shuffle(&worker->rng, calm_zone.order, calm_zone.count);
	for (unsigned int turn = 0; worker_continue(worker); turn++) {
		unsigned int round = turn / calm_zone.count;

		if (round > 0 && turn % calm_zone.count == 0)
			slot_hit(calm_zone.all);
		if (ask(worker, calm_zone.order[turn % calm_zone.count], round))
			worker_did(worker);
	}
}

void calm(struct run *run)
{
	const struct role roles[] = { { .name = "asker", .body = ask_all, .count = 1 } };

	if (!world_open(run, &calm_zone.world, false))
		return;
	calm_zone.count = calm_zone.world.calls_count * calm_zone.world.places_count;
	calm_zone.refused = run_event(run, SLOT_REQUIRED, "refused");
	calm_zone.done = run_event(run, SLOT_REQUIRED, "done");
	calm_zone.all = run_event(run, SLOT_REQUIRED, "all_pairs");
	crew_run(run, roles, COUNT_OF(roles));
}
