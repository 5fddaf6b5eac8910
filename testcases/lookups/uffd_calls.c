// SPDX-License-Identifier: GPL-2.0-only
/* Requests to userfaultfds, which look VMAs up by the locks of these. Rules: mm/userfaultfd.c, fs/userfaultfd.c.
 *
 * No request may make anybody wait: page faults of what is armed get SIGBUS (desk.c). */
#define _GNU_SOURCE
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

#include "calls.h"
#include "uffd_move.h"

/* from 6.6 and 6.8 on */
#define FEATURE_POISON (UINT64_C(1) << 14)
#define FEATURE_MOVE (UINT64_C(1) << 16)
struct poison {
	struct uffdio_range range;
	uint64_t mode;
	int64_t updated;
};
#define POISON _IOWR(UFFDIO, 0x08, struct poison)
#define NO_MODE (UINT64_C(1) << 20)

static struct uffdio_range range_of(const struct question *question)
{
	return (struct uffdio_range){ (uintptr_t)question->at, question->length };
}

static long request(const struct question *question, unsigned long number, void *argument)
{
	return answer(ioctl(question->target->uffd.fd, number, argument));
}

static size_t in_desk(const struct question *question)
{
	return question->length <= ALL_PAGES * page_bytes() ? question->length : page_bytes();
}

static long ask_copy(const struct question *question)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)question->at, .src = (uintptr_t)question->desk->zeroes, .len = question->length,
		.mode = question->call->arg ? NO_MODE : 0,
	};

	return request(question, UFFDIO_COPY, &copy);
}

/* the other side: the place is read, with page faults switched off at first, while the destination's lock is held */
static long ask_copy_from(const struct question *question)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)question->desk->armed, .src = (uintptr_t)question->at, .len = question->length,
	};
	long got = request(question, UFFDIO_COPY, &copy);

	madvise(question->desk->armed, ALL_PAGES * page_bytes(), MADV_DONTNEED);
	return got;
}

static void copy_from_rule(const struct question *question, struct answers *answers)
{
	size_t surely = accepted(question, traits_readable, false), perhaps = accepted(question, traits_readable, true);

	if (any_page(question, IS_VAGUE))
		allow(answers, ONLY(0, EFAULT, EAGAIN));
	else if (surely == question->length)
		allow(answers, ONLY(0));
	else
		allow(answers, surely >= page_bytes() ? ONLY(EAGAIN) : perhaps ? ONLY(EFAULT, EAGAIN) : ONLY(EFAULT));
	if (perhaps == question->length)
		allow(answers, ONLY(0));
}

static bool fits_desk(const struct question *question)
{
	return question->shape != ASKEW;
}

static long ask_zeropage(const struct question *question)
{
	struct uffdio_zeropage zeropage = { .range = range_of(question) };

	return request(question, UFFDIO_ZEROPAGE, &zeropage);
}

static long ask_poison(const struct question *question)
{
	struct poison poison = { .range = range_of(question) };

	return request(question, POISON, &poison);
}

static long ask_continue(const struct question *question)
{
	struct uffdio_continue more = { .range = range_of(question) };

	return request(question, UFFDIO_CONTINUE, &more);
}

/* one VMA, armed by whomever */
static bool one_armed(const struct question *question)
{
	return question->traits[0] & ANY_ARMED && !several_vmas(question);
}

static void fill_rule(const struct question *question, struct answers *answers)
{
	bool marks = question->call->ask == ask_poison;

	if (!one_armed(question))
		allow(answers, ONLY(ENOENT));
	else if (first_page(question, IS_FULL) || (first_page(question, IS_ARMED_MINOR) && !marks))
		allow(answers, ONLY(EEXIST));
	else
		allow(answers, ONLY(0));
	/* Linux 6.12 does not ask whose it is */
	if (first_page(question, IS_ARMED_OTHER))
		allow(answers, ONLY(ENOENT));
}

static void continue_rule(const struct question *question, struct answers *answers)
{
	if (!one_armed(question))
		allow(answers, ONLY(ENOENT));
	else
		allow(answers, first_page(question, IS_ARMED_MINOR) ? ONLY(0) : ONLY(EINVAL));
	if (first_page(question, IS_ARMED_OTHER))
		allow(answers, ONLY(ENOENT));
}

static void bad_rule(const struct question *question, struct answers *answers)
{
	(void)question;
	allow(answers, ONLY(EINVAL));
}

static long ask_protect(const struct question *question)
{
	struct uffdio_writeprotect protect = { .range = range_of(question), .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	long got = request(question, UFFDIO_WRITEPROTECT, &protect);

	protect.mode = 0;
	request(question, UFFDIO_WRITEPROTECT, &protect);
	return got;
}

/* Holes are passed over, unless there is nothing else. */
static void protect_rule(const struct question *question, struct answers *answers)
{
	bool unfit = all_pages(question, IS_HOLE);

	for (unsigned int i = 0; i < question->count; i++)
		unfit |= !(question->traits[i] & (IS_HOLE | IS_ARMED_WP));
	allow(answers, unfit ? ONLY(ENOENT) : ONLY(0));
	/* before 6.2 it takes a part of one VMA alone */
	if (several_vmas(question) || any_page(question, IS_HOLE))
		allow(answers, ONLY(ENOENT));
}

static long ask_move_from(const struct question *question)
{
	struct uffdio_move move = {
		.dst = (uintptr_t)question->desk->armed, .src = (uintptr_t)question->at, .len = question->length,
		.mode = question->call->arg ? NO_MODE : 0,
	};
	long got = request(question, UFFDIO_MOVE, &move);

	madvise(question->desk->armed, ALL_PAGES * page_bytes(), MADV_DONTNEED);
	return got;
}

static void move_from_rule(const struct question *question, struct answers *answers)
{
	bool movable = first_page(question, IS_ANON) && first_page(question, IS_WRITABLE) && !first_page(question, IS_LOCKED) &&
		       !several_vmas(question);

	if (first_page(question, IS_HOLE))
		allow(answers, ONLY(ENOENT));
	else if (!movable)
		allow(answers, ONLY(EINVAL));
	/* a page that others know of, too, stays */
	else if (first_page(question, IS_FULL))
		allow(answers, ONLY(0, EBUSY, EAGAIN));
	else
		allow(answers, ONLY(0, EBUSY, EAGAIN, ENOENT));
	if (first_page(question, IS_GUARD))
		answers->unjudged = true;
}

/* What cannot be made again must not go. */
static bool may_go(const struct question *question)
{
	return !any_page(question, IS_SEALED);
}

static long ask_move_to(const struct question *question)
{
	struct uffdio_move move = {
		.dst = (uintptr_t)question->at, .src = (uintptr_t)question->desk->source, .len = question->length,
	};
	long got = request(question, UFFDIO_MOVE, &move);

	for (unsigned int page = 0; page * page_bytes() < in_desk(question); page++)
		*(volatile uint64_t *)area_word(question->desk->source, page, WORD_TAG) = 0;
	return got;
}

static void move_to_rule(const struct question *question, struct answers *answers)
{
	if (first_page(question, IS_HOLE))
		allow(answers, ONLY(ENOENT));
	else if (!several_vmas(question) && first_page(question, IS_ARMED))
		allow(answers, ONLY(0, EBUSY, EAGAIN));
	else
		allow(answers, !several_vmas(question) && first_page(question, IS_ARMED_WP) ? ONLY(EEXIST, EINVAL) : ONLY(EINVAL));
}

static long ask_register(const struct question *question)
{
	struct uffdio_register arm = { .range = range_of(question), .mode = (unsigned int)question->call->arg };
	struct uffdio_range range = range_of(question);
	long got = request(question, UFFDIO_REGISTER, &arm);

	if (got == 0)
		request(question, UFFDIO_UNREGISTER, &range);
	return got;
}

static bool can_be_armed(unsigned int traits, unsigned int mode)
{
	return mode & UFFDIO_REGISTER_MODE_MINOR ? traits & IS_SHMEM : traits & (IS_ANON | IS_SHMEM);
}

/* Which of the VMAs is looked at first is not promised. */
static void register_rule(const struct question *question, struct answers *answers)
{
	bool refused = all_pages(question, IS_HOLE);

	if (refused)
		allow(answers, ONLY(EINVAL));
	/* CONFIG_PTE_MARKER_UFFD_WP */
	if (question->call->arg == UFFDIO_REGISTER_MODE_WP && !all_pages(question, IS_ANON | IS_HOLE))
		allow(answers, ONLY(EINVAL));
	for (unsigned int i = 0; i < question->count; i++) {
		unsigned int traits = question->traits[i];

		if (traits & IS_HOLE)
			continue;
		if (!can_be_armed(traits, question->call->arg))
			allow(answers, ONLY(EINVAL));
		else if (!(traits & MAY_WRITE_IT))
			allow(answers, ONLY(EPERM));
		else if (traits & IS_ARMED_OTHER)
			allow(answers, ONLY(EBUSY));
		else {
			/* since 7.3 the protection of pages has to be given up first */
			if (traits & IS_ARMED_WP && question->call->arg != UFFDIO_REGISTER_MODE_WP)
				allow(answers, ONLY(EBUSY));
			continue;
		}
		refused = true;
	}
	if (!refused)
		allow(answers, ONLY(0));
}

static long ask_unregister(const struct question *question)
{
	struct uffdio_range range = range_of(question);

	return request(question, UFFDIO_UNREGISTER, &range);
}

static void unregister_rule(const struct question *question, struct answers *answers)
{
	bool refused = all_pages(question, IS_HOLE);

	for (unsigned int i = 0; i < question->count; i++)
		refused |= !(question->traits[i] & (IS_HOLE | IS_ANON | IS_SHMEM));
	allow(answers, refused ? ONLY(EINVAL) : ONLY(0));
	/* Linux 6.12 does not ask whose it is */
	if (any_page(question, IS_ARMED_OTHER))
		allow(answers, ONLY(EINVAL));
}

static long ask_wake(const struct question *question)
{
	struct uffdio_range range = range_of(question);

	return request(question, UFFDIO_WAKE, &range);
}

static void wake_rule(const struct question *question, struct answers *answers)
{
	(void)question;
	allow(answers, ONLY(0));
}

static long ask_api(const struct question *question)
{
	struct uffdio_api api = { .api = question->call->arg ? UFFD_API + 1 : UFFD_API };

	return request(question, UFFDIO_API, &api);
}

static bool once(const struct question *question)
{
	return question->shape == WHOLE;
}

static bool has_uffd(const struct desk *desk)
{
	return desk->ours.fd >= 0;
}

static bool has_wp(const struct desk *desk)
{
	return has_uffd(desk) && desk->ours.features & UFFD_FEATURE_PAGEFAULT_FLAG_WP;
}

static bool has_minor(const struct desk *desk)
{
	return has_uffd(desk) && desk->ours.features & UFFD_FEATURE_MINOR_SHMEM;
}

static bool has_poison(const struct desk *desk)
{
	return has_uffd(desk) && desk->ours.features & FEATURE_POISON;
}

static bool has_move(const struct desk *desk)
{
	return has_uffd(desk) && desk->ours.features & FEATURE_MOVE;
}

#define BAD ONLY(EINVAL)
#define SHAPES_OF_UFFD .nothing = BAD, .askew = BAD, .ragged = BAD, .wraps = BAD, .above = BAD

const struct call uffd_calls[] = {
	{ .name = "uffd-copy", .ask = ask_copy, .rule = fill_rule, .there = has_uffd, .spoils = true, .foreign = true, SHAPES_OF_UFFD },
	{ .name = "uffd-copy-mode", .ask = ask_copy, .rule = bad_rule, .arg = 1, .there = has_uffd, .foreign = true, SHAPES_OF_UFFD },
	{ .name = "uffd-copy-from", .ask = ask_copy_from, .rule = copy_from_rule, .fits = fits_desk, .there = has_uffd, .nothing = BAD,
	  .ragged = BAD, .wraps = BAD, .above = ONLY(EINVAL, EFAULT) /* not looked at first before 6.6 */ },
	{ .name = "uffd-zeropage", .ask = ask_zeropage, .rule = fill_rule, .there = has_uffd, .spoils = true, .foreign = true,
	  SHAPES_OF_UFFD },
	{ .name = "uffd-poison", .ask = ask_poison, .rule = fill_rule, .there = has_poison, .spoils = true, .calm = true,
	  SHAPES_OF_UFFD },
	{ .name = "uffd-continue", .ask = ask_continue, .rule = continue_rule, .there = has_minor, .spoils = true, .foreign = true,
	  SHAPES_OF_UFFD },
	{ .name = "uffd-writeprotect", .ask = ask_protect, .rule = protect_rule, .there = has_wp, .foreign = true, SHAPES_OF_UFFD },
	{ .name = "uffd-move-from", .ask = ask_move_from, .rule = move_from_rule, .fits = may_go, .there = has_move, .spoils = true,
	  SHAPES_OF_UFFD },
	{ .name = "uffd-move-mode", .ask = ask_move_from, .rule = bad_rule, .arg = 1, .there = has_move, .foreign = true,
	  SHAPES_OF_UFFD },
	{ .name = "uffd-move-to", .ask = ask_move_to, .rule = move_to_rule, .there = has_move, .spoils = true, SHAPES_OF_UFFD },
	{ .name = "uffd-register", .ask = ask_register, .rule = register_rule, .arg = UFFDIO_REGISTER_MODE_MISSING, .there = has_uffd,
	  .spoils = true, .foreign = true, SHAPES_OF_UFFD },
	{ .name = "uffd-register-wp", .ask = ask_register, .rule = register_rule, .arg = UFFDIO_REGISTER_MODE_WP, .there = has_wp,
	  .spoils = true, .foreign = true, SHAPES_OF_UFFD },
	{ .name = "uffd-register-minor", .ask = ask_register, .rule = register_rule, .arg = UFFDIO_REGISTER_MODE_MINOR,
	  .there = has_minor, .spoils = true, .foreign = true, SHAPES_OF_UFFD },
	{ .name = "uffd-register-mode", .ask = ask_register, .rule = bad_rule, .arg = 1 << 20, .there = has_uffd, .foreign = true,
	  SHAPES_OF_UFFD },
	{ .name = "uffd-unregister", .ask = ask_unregister, .rule = unregister_rule, .there = has_uffd, .spoils = true,
	  .foreign = true, SHAPES_OF_UFFD },
	{ .name = "uffd-wake", .ask = ask_wake, .rule = wake_rule, .there = has_uffd, .foreign = true, SHAPES_OF_UFFD },
	{ .name = "uffd-api", .ask = ask_api, .rule = bad_rule, .fits = once, .there = has_uffd, .foreign = true },
	{ .name = "uffd-api-version", .ask = ask_api, .rule = bad_rule, .arg = 1, .fits = once, .there = has_uffd, .foreign = true },
	{ 0 },
};

bool call_is_for_uffd(const struct call *call)
{
	return call >= uffd_calls && call < uffd_calls + COUNT_OF(uffd_calls);
}
