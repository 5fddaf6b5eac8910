// SPDX-License-Identifier: GPL-2.0-only
/* Calls that change ranges to what they are, change them and back, or are refused. Rules: mm/mprotect.c, mlock.c, mremap.c,
 * msync.c, mincore.c, mseal.c, mmap.c, and their manual pages. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

static void refused(const struct question *question, struct answers *answers)
{
	(void)question;
	allow(answers, ONLY(EINVAL));
}

static void all_mapped(const struct question *question, struct answers *answers)
{
	allow(answers, any_page(question, IS_HOLE) ? ONLY(ENOMEM) : ONLY(0));
}

static long ask_protect(const struct question *question)
{
	return answer(mprotect(question->at, question->length, question->place->kind->prot));
}

static void protect_rule(const struct question *question, struct answers *answers)
{
	if (any_page(question, IS_SEALED))
		allow(answers, ONLY(EPERM));
	if (any_page(question, IS_HOLE))
		allow(answers, ONLY(ENOMEM));
	if (!any_page(question, IS_SEALED) && !any_page(question, IS_HOLE))
		allow(answers, ONLY(0));
}

static long ask_protect_arg(const struct question *question)
{
	return answer(mprotect(question->at, question->length, question->call->arg));
}

static bool not_writable_ever(const struct question *question)
{
	for (unsigned int i = 0; i < question->count; i++)
		if (question->traits[i] & MAY_WRITE_IT)
			return false;
	return true;
}

static void never_writable(const struct question *question, struct answers *answers)
{
	allow(answers, any_page(question, IS_HOLE) ? ONLY(ENOMEM, EACCES) : ONLY(EACCES));
}

static long ask_lock(const struct question *question)
{
	long got = answer(question->call->arg < 0 ? mlock(question->at, question->length) :
			  syscall(SYS_mlock2, question->at, question->length, question->call->arg));

	munlock(question->at, question->length);
	return got;
}

/* What is to be locked stays so. */
static bool not_locked(const struct question *question)
{
	return !any_page(question, IS_LOCKED);
}

/* Pages that cannot be faulted in are found after the VMA was locked. Limits count for those who are not root. */
static void lock_rule(const struct question *question, struct answers *answers)
{
	bool there = true;

	for (unsigned int i = 0; i < question->count; i++)
		there &= traits_pin_readable(question->traits[i]);
	if (any_page(question, IS_HOLE))
		allow(answers, ONLY(ENOMEM));
	else if (any_page(question, IS_VAGUE) || any_page(question, IS_SECRET))
		allow(answers, ONLY(0, ENOMEM, EAGAIN));
	else
		allow(answers, there ? ONLY(0, EAGAIN) : ONLY(ENOMEM));
}

/* What cannot be locked is faulted in nevertheless. */
static void lock_on_fault_rule(const struct question *question, struct answers *answers)
{
	if (any_page(question, IS_SPECIAL) || any_page(question, IS_SECRET))
		allow(answers, ONLY(ENOMEM));
	all_mapped(question, answers);
	allow(answers, ONLY(EAGAIN));
}

static long ask_unlock(const struct question *question)
{
	return answer(munlock(question->at, question->length));
}

static long ask_sync(const struct question *question)
{
	return answer(msync(question->at, question->length, question->call->arg));
}

static void sync_rule(const struct question *question, struct answers *answers)
{
	bool locked = question->call->arg & MS_INVALIDATE && any_page(question, IS_LOCKED);
	bool strange = question->call->arg & MS_SYNC && (any_page(question, IS_SECRET) || any_page(question, HAS_FILE | IS_VAGUE));

	if (locked || (question->call->arg & MS_INVALIDATE && any_page(question, IS_SECRET)))
		allow(answers, ONLY(EBUSY));
	/* files that cannot be synchronised */
	if (strange)
		allow(answers, ONLY(EINVAL));
	if (any_page(question, IS_HOLE))
		allow(answers, ONLY(ENOMEM));
	else if (!locked)
		allow(answers, ONLY(0));
}

static long ask_incore(const struct question *question)
{
	unsigned char vector[ALL_PAGES + 1];

	return answer(mincore(question->at, question->length, vector));
}

static long remap(const struct question *question, size_t length, int flags, void *to)
{
	void *got = (void *)syscall(SYS_mremap, question->at, question->length, length, flags, to);

	return got == MAP_FAILED ? -errno : 0;
}

static long ask_remap_same(const struct question *question)
{
	return remap(question, question->length, 0, NULL);
}

static void remap_same_rule(const struct question *question, struct answers *answers)
{
	if (first_page(question, IS_HOLE))
		allow(answers, ONLY(EFAULT));
	else if (first_page(question, IS_SEALED))
		allow(answers, ONLY(EPERM));
	else
		allow(answers, several_vmas(question) ? ONLY(0, EFAULT, EINVAL, EPERM) : ONLY(0));
}

static long ask_remap_grow(const struct question *question)
{
	return remap(question, question->length + 64 * page_bytes(), 0, NULL);
}

/* Behind each place is address space that is taken. Which of the reasons comes first differs. */
static void remap_grow_rule(const struct question *question, struct answers *answers)
{
	allow(answers, ONLY(ENOMEM, EFAULT));
	if (first_page(question, IS_SEALED))
		allow(answers, ONLY(EPERM));
	if (any_page(question, IS_LOCKED))
		allow(answers, ONLY(EAGAIN));
}

static long ask_remap_onto_itself(const struct question *question)
{
	return remap(question, question->length, MREMAP_MAYMOVE | MREMAP_FIXED, question->at);
}

static void remap_onto_rule(const struct question *question, struct answers *answers)
{
	allow(answers, ONLY(EINVAL));
	if (any_page(question, IS_HOLE) || several_vmas(question))
		allow(answers, ONLY(EFAULT));
	if (any_page(question, IS_SEALED))
		allow(answers, ONLY(EPERM));
}

static long ask_remap_flags(const struct question *question)
{
	return remap(question, question->length, question->call->arg, NULL);
}

/* only what must be refused: the place would be gone */
static long ask_unmap(const struct question *question)
{
	return answer(munmap(question->at, question->length));
}

static bool has_sealed(const struct question *question)
{
	return question->shape == ASKEW || any_page(question, IS_SEALED);
}

static void sealed_rule(const struct question *question, struct answers *answers)
{
	(void)question;
	allow(answers, ONLY(EPERM));
}

static long ask_seal(const struct question *question)
{
	return answer(syscall(SYS_mseal, question->at, question->length, (long)question->call->arg));
}

/* Nothing can take a seal off again: only what has a hole, and is refused as a whole. */
static bool has_hole(const struct question *question)
{
	return question->shape == ASKEW || any_page(question, IS_HOLE);
}

static bool has_mseal(const struct desk *desk)
{
	(void)desk;
	return syscall(SYS_mseal, 0, 0, 1) != 0 && errno == EINVAL;
}

static long ask_map_beside(const struct question *question)
{
	void *got = mmap(question->at, question->length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return got == MAP_FAILED ? -errno : 0;
}

static bool is_taken(const struct question *question)
{
	return question->shape == ASKEW || !all_pages(question, IS_HOLE);
}

static void taken_rule(const struct question *question, struct answers *answers)
{
	(void)question;
	allow(answers, ONLY(EEXIST));
}

static long ask_remap_file(const struct question *question)
{
	return answer(syscall(SYS_remap_file_pages, question->at, question->length, 0, (long)question->first - 1, 0));
}

/* The mapping would not be armed any more. A first page before the place has another offset. */
static bool keeps_arms(const struct question *question)
{
	return question->first > 0 && !any_page(question, IS_ARMED_MINOR);
}

static void remap_file_rule(const struct question *question, struct answers *answers)
{
	bool whole = first_page(question, IS_SHARED) && !several_vmas(question);

	if (any_page(question, IS_LOCKED))
		allow(answers, ONLY(EAGAIN, EPERM));
	allow(answers, whole ? ONLY(0) : ONLY(EINVAL));
}

static long ask_detach(const struct question *question)
{
	return answer(syscall(SYS_shmdt, question->at));
}

static void detach_rule(const struct question *question, struct answers *answers)
{
	(void)question;
	allow(answers, ONLY(EINVAL, ENOSYS));
}

#define BAD ONLY(EINVAL)
#define NO_RANGE ONLY(ENOMEM, EINVAL)
#define DONE_OR_BAD ONLY(0, EINVAL)

const struct call range_calls[] = {
	{ .name = "mprotect", .ask = ask_protect, .rule = protect_rule, .nothing = ONLY(0), .askew = BAD, .wraps = ONLY(ENOMEM),
	  .above = ONLY(ENOMEM), .spoils = true },
	{ .name = "mprotect-write", .ask = ask_protect_arg, .arg = PROT_READ | PROT_WRITE, .rule = never_writable,
	  .fits = not_writable_ever, .nothing = ONLY(0), .askew = BAD, .wraps = ONLY(ENOMEM), .above = ONLY(ENOMEM) },
	{ .name = "mprotect-strange", .ask = ask_protect_arg, .arg = 0x800000, .rule = refused, .nothing = DONE_OR_BAD, .askew = BAD,
	  .wraps = NO_RANGE, .above = NO_RANGE },
	{ .name = "mprotect-both-ways", .ask = ask_protect_arg, .arg = PROT_GROWSDOWN | PROT_GROWSUP, .rule = refused,
	  .nothing = DONE_OR_BAD, .askew = BAD, .wraps = NO_RANGE, .above = NO_RANGE },
	{ .name = "mlock", .ask = ask_lock, .arg = -1, .rule = lock_rule, .fits = not_locked, .nothing = ONLY(0), .wraps = NO_RANGE,
	  .above = NO_RANGE },
	{ .name = "mlock-on-fault", .ask = ask_lock, .arg = MLOCK_ONFAULT, .rule = lock_on_fault_rule, .fits = not_locked,
	  .nothing = ONLY(0), .wraps = NO_RANGE, .above = NO_RANGE },
	{ .name = "mlock-flags", .ask = ask_lock, .arg = 64, .rule = refused, .fits = not_locked, .nothing = BAD, .wraps = BAD,
	  .above = BAD },
	{ .name = "munlock", .ask = ask_unlock, .rule = all_mapped, .fits = not_locked, .nothing = ONLY(0), .wraps = NO_RANGE,
	  .above = NO_RANGE },
	{ .name = "msync", .ask = ask_sync, .arg = MS_SYNC, .rule = sync_rule, .nothing = ONLY(0), .askew = BAD, .wraps = NO_RANGE,
	  .above = NO_RANGE },
	{ .name = "msync-async", .ask = ask_sync, .arg = MS_ASYNC, .rule = sync_rule, .nothing = ONLY(0), .askew = BAD,
	  .wraps = NO_RANGE, .above = NO_RANGE },
	{ .name = "msync-invalidate", .ask = ask_sync, .arg = MS_ASYNC | MS_INVALIDATE, .rule = sync_rule, .nothing = ONLY(0),
	  .askew = BAD, .wraps = NO_RANGE, .above = NO_RANGE },
	{ .name = "msync-flags", .ask = ask_sync, .arg = MS_ASYNC | MS_SYNC, .rule = refused, .nothing = BAD, .wraps = BAD,
	  .above = BAD },
	{ .name = "mincore", .ask = ask_incore, .rule = all_mapped, .nothing = ONLY(0), .askew = BAD, .wraps = ONLY(ENOMEM, EFAULT),
	  .above = ONLY(ENOMEM, EFAULT) },
	{ .name = "mremap", .ask = ask_remap_same, .rule = remap_same_rule, .nothing = BAD, .askew = BAD,
	  .wraps = ONLY(0, EINVAL, EFAULT, ENOMEM, EPERM), .above = ONLY(EFAULT, EINVAL) },
	{ .name = "mremap-grow", .ask = ask_remap_grow, .rule = remap_grow_rule, .askew = BAD, .above = ONLY(EFAULT, EINVAL) },
	{ .name = "mremap-onto-itself", .ask = ask_remap_onto_itself, .rule = remap_onto_rule, .nothing = BAD, .askew = BAD,
	  .wraps = ONLY(EINVAL, EFAULT, ENOMEM, EPERM), .above = ONLY(EFAULT, EINVAL) },
	{ .name = "mremap-fixed", .ask = ask_remap_flags, .arg = MREMAP_FIXED, .rule = refused, .nothing = BAD, .wraps = BAD,
	  .above = BAD },
	{ .name = "mremap-flags", .ask = ask_remap_flags, .arg = 64, .rule = refused, .nothing = BAD, .wraps = BAD, .above = BAD },
	{ .name = "munmap", .ask = ask_unmap, .rule = sealed_rule, .fits = has_sealed, .nothing = BAD, .askew = BAD, .wraps = BAD,
	  .above = BAD },
	{ .name = "mseal", .ask = ask_seal, .rule = all_mapped, .fits = has_hole, .nothing = ONLY(0), .askew = BAD, .wraps = NO_RANGE,
	  .above = NO_RANGE, .there = has_mseal, .calm = true },
	{ .name = "mseal-flags", .ask = ask_seal, .arg = 1, .rule = refused, .nothing = BAD, .wraps = BAD, .above = BAD,
	  .there = has_mseal },
	{ .name = "mmap-noreplace", .ask = ask_map_beside, .rule = taken_rule, .fits = is_taken, .nothing = BAD,
	  .askew = ONLY(EINVAL, EEXIST), .wraps = NO_RANGE, .above = NO_RANGE, .calm = true },
	{ .name = "remap_file_pages", .ask = ask_remap_file, .rule = remap_file_rule, .fits = keeps_arms, .nothing = BAD,
	  .askew = ONLY(0, EINVAL, EAGAIN, EPERM), .ragged = ONLY(0, EINVAL, EAGAIN, EPERM), .wraps = BAD, .above = BAD },
	{ .name = "shmdt", .ask = ask_detach, .rule = detach_rule, .nothing = ONLY(EINVAL, ENOSYS), .above = ONLY(EINVAL, ENOSYS) },
	{ 0 },
};
