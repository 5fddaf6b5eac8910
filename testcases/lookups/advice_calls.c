// SPDX-License-Identifier: GPL-2.0-only
/* Advice: given and taken back, refused, or without consequences. Rules: mm/madvise.c. Advice goes on behind a hole, and says at
 * the end that there was one; a VMA that does not take it ends it. */
#define _GNU_SOURCE
#include <linux/prctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "calls.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#define NO_ADVICE 4242

static long ask_advice(const struct question *question)
{
	return answer(madvise(question->at, question->length, question->call->arg));
}

/* what takes the advice of 'arg' back */
static int opposite(int advice)
{
	switch (advice) {
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
		return MADV_NORMAL;
	case MADV_DONTFORK:
		return MADV_DOFORK;
	default:
		return MADV_KEEPONFORK;
	}
}

static long ask_both(const struct question *question)
{
	long got = ask_advice(question);

	madvise(question->at, question->length, opposite(question->call->arg));
	return got;
}

static void mapped_rule(const struct question *question, struct answers *answers)
{
	allow(answers, any_page(question, IS_HOLE) ? ONLY(ENOMEM) : ONLY(0));
}

static bool no_device(const struct question *question)
{
	return !any_page(question, IS_IO);
}

static void wipe_rule(const struct question *question, struct answers *answers)
{
	bool unfit = any_page(question, HAS_FILE) || any_page(question, IS_SHARED);

	if (unfit)
		allow(answers, ONLY(EINVAL));
	else
		mapped_rule(question, answers);
}

static void need_rule(const struct question *question, struct answers *answers)
{
	mapped_rule(question, answers);
	/* without CONFIG_SWAP */
	for (unsigned int i = 0; i < question->count; i++)
		if (!(question->traits[i] & (IS_HOLE | HAS_FILE)))
			allow(answers, ONLY(EBADF));
}

static void age_rule(const struct question *question, struct answers *answers)
{
	bool refused = any_page(question, IS_LOCKED) || any_page(question, IS_IO);

	if (refused || any_page(question, IS_SECRET))
		allow(answers, ONLY(EINVAL));
	if (!refused)
		mapped_rule(question, answers);
}

static bool test_populate(const struct question *question, unsigned int traits)
{
	return question->call->arg == MADV_POPULATE_READ ? traits_pin_readable(traits) : traits_pin_writable(traits);
}

static void populate_rule(const struct question *question, struct answers *answers)
{
	bool all = true;

	for (unsigned int i = 0; i < question->count; i++) {
		unsigned int traits = question->traits[i];

		all &= !(traits & IS_HOLE) && test_populate(question, traits);
		if (traits & IS_HOLE)
			allow(answers, ONLY(ENOMEM));
		else if (!test_populate(question, traits))
			allow(answers, ONLY(EINVAL, EFAULT));
	}
	if (all || any_page(question, IS_VAGUE))
		allow(answers, ONLY(0));
}

/* What is only in memory would be lost. */
static bool loses_nothing(const struct question *question)
{
	for (unsigned int i = 0; i < question->count; i++) {
		unsigned int traits = question->traits[i];

		if (traits & IS_VAGUE || (traits & IS_FULL && !(traits & (IS_SHARED | IS_LOCKED)) && !(traits & IS_HOLE)))
			return false;
	}
	return !any_page(question, IS_GUARD);
}

static bool punches_nothing(const struct question *question)
{
	return !any_page(question, IS_SHARED);
}

static void remove_rule(const struct question *question, struct answers *answers)
{
	if (!all_pages(question, IS_HOLE))
		allow(answers, ONLY(EINVAL, EACCES));
	else
		allow(answers, ONLY(ENOMEM));
}

static void no_advice_rule(const struct question *question, struct answers *answers)
{
	(void)question;
	allow(answers, ONLY(EINVAL));
}

static long ask_name(const struct question *question)
{
	return answer(prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, question->at, question->length, NULL));
}

static void name_rule(const struct question *question, struct answers *answers)
{
	/* CONFIG_ANON_VMA_NAME; shared anonymous memory takes one, from 6.2 on */
	allow(answers, ONLY(EINVAL));
	if (any_page(question, HAS_FILE))
		allow(answers, ONLY(EBADF));
	mapped_rule(question, answers);
}

static long ask_process(const struct question *question)
{
	struct iovec there = { question->at, question->length };

	return answer(syscall(SYS_process_madvise, question->target->pidfd, &there, 1, question->call->arg, 0));
}

/* the bytes that took it: all of the one range, or an error */
static void process_rule(const struct question *question, struct answers *answers)
{
	struct answers own = { 0 };

	if (question->call->arg == MADV_COLD || question->call->arg == MADV_PAGEOUT)
		age_rule(question, &own);
	else
		need_rule(question, &own);
	if (own.done)
		allow_done(answers, question->length, question->length);
	own.done = false;
	for (unsigned int i = 0; i < COUNT_OF(own.errors); i++)
		answers->errors[i] |= own.errors[i];
}

static bool has_pidfd(const struct desk *desk)
{
	(void)desk;
	return syscall(SYS_process_madvise, -1, NULL, 0, 0, 0) != 0 && errno != ENOSYS;
}

#define BAD ONLY(EINVAL)
#define NO_RANGE ONLY(ENOMEM, EINVAL)
/* the length that wraps is no negative one that was rounded up */
#define SHAPES_OF_ADVICE .nothing = ONLY(0), .askew = BAD, .wraps = NO_RANGE, .above = NO_RANGE

const struct call advice_calls[] = {
	{ .name = "madvise-random", .ask = ask_both, .arg = MADV_RANDOM, .rule = mapped_rule, SHAPES_OF_ADVICE },
	{ .name = "madvise-sequential", .ask = ask_both, .arg = MADV_SEQUENTIAL, .rule = mapped_rule, SHAPES_OF_ADVICE },
	{ .name = "madvise-dontfork", .ask = ask_both, .arg = MADV_DONTFORK, .rule = mapped_rule, .fits = no_device,
	  SHAPES_OF_ADVICE },
	{ .name = "madvise-wipeonfork", .ask = ask_both, .arg = MADV_WIPEONFORK, .rule = wipe_rule, SHAPES_OF_ADVICE },
	{ .name = "madvise-willneed", .ask = ask_advice, .arg = MADV_WILLNEED, .rule = need_rule, SHAPES_OF_ADVICE },
	{ .name = "madvise-cold", .ask = ask_advice, .arg = MADV_COLD, .rule = age_rule, SHAPES_OF_ADVICE },
	{ .name = "madvise-pageout", .ask = ask_advice, .arg = MADV_PAGEOUT, .rule = age_rule, SHAPES_OF_ADVICE },
	{ .name = "madvise-populate-read", .ask = ask_advice, .arg = MADV_POPULATE_READ, .rule = populate_rule, .pins = true,
	  SHAPES_OF_ADVICE },
	{ .name = "madvise-populate-write", .ask = ask_advice, .arg = MADV_POPULATE_WRITE, .rule = populate_rule, .pins = true,
	  SHAPES_OF_ADVICE },
	{ .name = "madvise-dontneed", .ask = ask_advice, .arg = MADV_DONTNEED, .rule = age_rule, .fits = loses_nothing,
	  SHAPES_OF_ADVICE },
	{ .name = "madvise-remove", .ask = ask_advice, .arg = MADV_REMOVE, .rule = remove_rule, .fits = punches_nothing,
	  .calm = true, SHAPES_OF_ADVICE },
	{ .name = "madvise-none", .ask = ask_advice, .arg = NO_ADVICE, .rule = no_advice_rule, .nothing = BAD, .wraps = BAD,
	  .above = BAD },
	{ .name = "anon-vma-name", .ask = ask_name, .rule = name_rule, .nothing = ONLY(0, EINVAL), .askew = BAD,
	  .wraps = ONLY(EINVAL, ENOMEM, EBADF), .above = NO_RANGE },
	{ .name = "process_madvise-cold", .ask = ask_process, .arg = MADV_COLD, .rule = process_rule, .there = has_pidfd,
	  .foreign = true, .nothing = ONLY(0), .askew = BAD, .wraps = ONLY(EINVAL, EFAULT, ENOMEM),
	  .above = ONLY(EINVAL, ENOMEM, EFAULT) },
	{ .name = "process_madvise-pageout", .ask = ask_process, .arg = MADV_PAGEOUT, .rule = process_rule, .there = has_pidfd,
	  .foreign = true, .nothing = ONLY(0), .askew = BAD, .wraps = ONLY(EINVAL, EFAULT, ENOMEM),
	  .above = ONLY(EINVAL, ENOMEM, EFAULT) },
	{ .name = "process_madvise-willneed", .ask = ask_process, .arg = MADV_WILLNEED, .rule = process_rule, .there = has_pidfd,
	  .foreign = true, .nothing = ONLY(0), .askew = BAD, .wraps = ONLY(EINVAL, EFAULT, ENOMEM),
	  .above = ONLY(EINVAL, ENOMEM, EFAULT) },
	{ .name = "process_madvise-none", .ask = ask_process, .arg = NO_ADVICE, .rule = no_advice_rule, .there = has_pidfd,
	  .foreign = true, .nothing = ONLY(0, EINVAL), .wraps = ONLY(EINVAL, EFAULT), .above = ONLY(EINVAL, EFAULT) },
	{ 0 },
};
