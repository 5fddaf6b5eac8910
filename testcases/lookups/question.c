// SPDX-License-Identifier: GPL-2.0-only
#include "question.h"

#include <stdio.h>
#include <string.h>

const char *const shape_names[] = {
	[FIRST_PAGE] = "first page", [INSIDE] = "inside", [LAST_PAGE] = "last page", [WHOLE] = "whole", [FROM_BEFORE] = "from before",
	[TO_BEHIND] = "to behind", [ALL] = "all", [NOTHING] = "nothing", [ASKEW] = "askew", [RAGGED] = "ragged", [WRAPS] = "wraps",
	[ABOVE] = "above",
};

static const struct { unsigned char first, count; } spans[] = {
	[FIRST_PAGE] = { 1, 1 }, [INSIDE] = { 2, 2 }, [LAST_PAGE] = { KIND_PAGES, 1 }, [WHOLE] = { 1, KIND_PAGES },
	[FROM_BEFORE] = { 0, 2 }, [TO_BEHIND] = { KIND_PAGES, 2 }, [ALL] = { 0, ALL_PAGES }, [NOTHING] = { 2, 1 },
	[ASKEW] = { 1, 2 }, [RAGGED] = { 2, 2 }, [WRAPS] = { 2, 1 }, [ABOVE] = { 2, 1 },
};

void question_pose(struct question *question, enum shape shape)
{
	const struct place *place = question->place;
	size_t end;

	question->shape = shape;
	question->first = place->at_home ? 1 : spans[shape].first;
	question->count = place->at_home ? place->home_pages : spans[shape].count;
	question->at = place_page(place, question->first);
	question->length = question->count * page_bytes();
	switch (shape) {
	case NOTHING:
		question->length = 0;
		break;
	case ASKEW:
		question->at++;
		break;
	case RAGGED:
		question->length--;
		break;
	case WRAPS:
		question->length = page_bytes() - (uintptr_t)question->at;
		break;
	case ABOVE:
		question->at = (char *)~(uintptr_t)0 - 16 * page_bytes() + 1;
		break;
	default:
		break;
	}
	if (shape == NOTHING || shape == WRAPS || shape == ABOVE)
		return;
	end = (size_t)(question->at - place->base) + question->length;
	question->count = (end + page_bytes() - 1) / page_bytes() - question->first;
	for (unsigned int i = 0; i < question->count; i++)
		question->traits[i] = place_traits(place, question->first + i);
}

/* NULL and 'asked' false: the call is not asked about this shape */
static const short *listed(const struct question *question, bool *asked)
{
	const struct call *call = question->call;

	*asked = true;
	switch (question->shape) {
	case NOTHING:
		*asked = call->nothing;
		return call->nothing;
	case WRAPS:
		*asked = call->wraps;
		return call->wraps;
	case ABOVE:
		*asked = call->above;
		return call->above;
	case ASKEW:
		return call->askew;
	case RAGGED:
		return call->ragged;
	default:
		return NULL;
	}
}

bool question_fits(const struct question *question)
{
	const struct place *place = question->place;
	bool asked;

	listed(question, &asked);
	if (!asked)
		return false;
	if (place->at_home && (question->shape == ASKEW || (question->shape < NOTHING && question->shape != WHOLE)))
		return false;
	if (question->shape == NOTHING || question->shape == WRAPS || question->shape == ABOVE)
		return true;
	if (question->call->pins && any_page(question, IS_HOLE | GROWS))
		return false;
	return !question->call->fits || question->call->fits(question);
}

void allow_done(struct answers *answers, long least, long most)
{
	answers->least = answers->done && answers->least < least ? answers->least : least;
	answers->most = answers->done && answers->most > most ? answers->most : most;
	answers->done = true;
}

void allow(struct answers *answers, const short *errors)
{
	for (; *errors != END_OF_LIST; errors++) {
		if (*errors == 0)
			allow_done(answers, 0, 0);
		else
			answers->errors[*errors / 64] |= UINT64_C(1) << *errors % 64;
	}
}

bool answers_have(const struct answers *answers, long got)
{
	if (answers->unjudged)
		return true;
	if (got >= 0)
		return answers->done && got >= answers->least && got <= answers->most;
	return got > -192 && answers->errors[-got / 64] >> -got % 64 & 1;
}

void answers_tell(const struct answers *answers, char *text, size_t size)
{
	int used = 0;

	text[0] = 0;
	if (answers->done)
		used = snprintf(text, size, " %ld to %ld", answers->least, answers->most);
	for (int error = 1; error < 192 && used < (int)size; error++)
		if (answers->errors[error / 64] >> error % 64 & 1)
			used += snprintf(text + used, size - used, " -%d", error);
}

static void merge(struct answers *into, const struct answers *from)
{
	if (from->done)
		allow_done(into, from->least, from->most);
	into->unjudged |= from->unjudged;
	for (unsigned int i = 0; i < COUNT_OF(into->errors); i++)
		into->errors[i] |= from->errors[i];
}

struct answers answers_to(const struct question *question)
{
	struct answers answers = { 0 };
	bool asked;
	const short *list = listed(question, &asked);

	if (list)
		allow(&answers, list);
	else
		question->call->rule(question, &answers);
	return answers;
}

/* The states of a place that its changer, and calls that others ask, can have brought it to. */
static const struct { unsigned int without, with; } states[] = {
	{ 0, 0 },
	{ ~0u, IS_HOLE },
	{ IS_READABLE | IS_WRITABLE, 0 },
	{ 0, IS_READABLE },
	{ 0, IS_READABLE | IS_WRITABLE },                               /* before it is protected for the first time */
	{ IS_FULL, 0 },                                                 /* not written yet */
	{ ANY_ARMED | IS_BUS | IS_GUARD | IS_LOCKED | IS_FULL, 0 },     /* nor prepared */
	{ IS_BUS, 0 },                                                  /* a page was put there */
	{ IS_FULL, IS_BUS | IS_ARMED },
	{ ANY_ARMED, 0 },
	{ 0, IS_SPLIT },
	{ IS_SPLIT, 0 },
};

/* And of the page beside it. A call that both did and undid something found a hole the second time, and did not come that far: what is
 * locked or armed by it stays so. */
static const unsigned int beside[] = {
	PAGE_BESIDE, IS_HOLE, PAGE_BESIDE & ~(IS_READABLE | IS_WRITABLE), PAGE_BESIDE & ~IS_WRITABLE, PAGE_BESIDE | IS_LOCKED,
	PAGE_BESIDE | IS_ARMED | IS_BUS, PAGE_BESIDE | IS_ARMED_WP, PAGE_BESIDE | IS_ARMED_MINOR | IS_BUS,
};

static bool is_side(const struct question *question, unsigned int i)
{
	return question->first + i == 0 || question->first + i == ALL_PAGES - 1;
}

static unsigned int in_state(unsigned int traits, unsigned int state)
{
	/* What may never be written to never is. */
	if (traits & STAYS || (states[state].with & IS_WRITABLE && !(traits & MAY_WRITE_IT)))
		return traits;
	return (traits & ~states[state].without) | states[state].with;
}

/* Calls that take their time see the place in several states: any part may have been done, and any error of any state is right. */
struct answers answers_in_storm(const struct question *question)
{
	struct answers all = { 0 };

	for (unsigned int state = 0; state < COUNT_OF(states); state++) {
		/* the last: a stack has grown there */
		for (unsigned int side = 0; side <= COUNT_OF(beside); side++) {
			struct question now = *question;
			struct answers answers;
			bool sides = false;

			for (unsigned int i = 0; i < now.count; i++) {
				sides |= is_side(question, i);
				if (!is_side(question, i) || (side == COUNT_OF(beside) && now.traits[i] & GROWS))
					now.traits[i] = in_state(question->place->kind->traits, state);
				else
					now.traits[i] = beside[side % COUNT_OF(beside)];
			}
			now.grown = side == COUNT_OF(beside) && question->first == 0 && question->traits[0] & GROWS;
			answers = answers_to(&now);
			merge(&all, &answers);
			if (!sides)
				break;
		}
	}
	/* mapped and unmapped between two looks of one call */
	allow(&all, ONLY(EAGAIN, EBUSY, EEXIST));
	if (all.done)
		all.least = 0;
	return all;
}

struct answers answers_of_dead(const struct question *question)
{
	struct answers answers = { 0 };

	(void)question;
	/* a read of a file of a process without memory gives nothing; the others find no such process */
	allow(&answers, ONLY(0, ESRCH, EINVAL, ENOENT, EIO, ENOMEM, EFAULT, ENOSYS));
	return answers;
}

bool any_page(const struct question *question, unsigned int traits)
{
	for (unsigned int i = 0; i < question->count; i++)
		if ((question->traits[i] & traits) == traits)
			return true;
	return false;
}

bool all_pages(const struct question *question, unsigned int traits)
{
	for (unsigned int i = 0; i < question->count; i++)
		if (!(question->traits[i] & traits))
			return false;
	return true;
}

bool first_page(const struct question *question, unsigned int traits)
{
	return question->traits[0] & traits;
}

bool several_vmas(const struct question *question)
{
	unsigned int last = question->first + question->count - 1;

	return (question->count > 1 && any_page(question, IS_SPLIT)) || (question->first == 0 && last > 0 && !question->grown) ||
	       (last == ALL_PAGES - 1 && question->first < last);
}

size_t accepted(const struct question *question, bool (*test)(unsigned int traits), bool grown)
{
	size_t bytes = 0, skipped = (size_t)(question->at - place_page(question->place, question->first));

	for (unsigned int i = 0; i < question->count; i++) {
		unsigned int traits = question->traits[i];

		if (grown && traits & IS_HOLE && traits & GROWS)
			traits = IS_RW | IS_ANON;
		if (traits & IS_HOLE || !test(traits))
			break;
		bytes += page_bytes();
	}
	bytes = bytes > skipped ? bytes - skipped : 0;
	return bytes < question->length ? bytes : question->length;
}

void allow_bytes(const struct question *question, struct answers *answers, bool (*test)(unsigned int traits), int error)
{
	size_t surely = accepted(question, test, false), perhaps = accepted(question, test, true);
	short errors[] = { (short)error, END_OF_LIST };

	if (any_page(question, IS_VAGUE)) {
		allow_done(answers, 1, question->length);
		surely = 0;
	}
	/* all that is there, or part of it: the calls only promise to say how much */
	if (perhaps)
		allow_done(answers, surely == question->length ? (long)surely : 1, perhaps);
	if (!surely)
		allow(answers, errors);
}

bool traits_pin_readable(unsigned int traits)
{
	return traits_readable(traits) && !(traits & (IS_IO | IS_SECRET));
}

bool traits_pin_writable(unsigned int traits)
{
	return traits_writable(traits) && !(traits & (IS_IO | IS_SECRET));
}
