// SPDX-License-Identifier: GPL-2.0-only
/* Calls that move bytes to or from user memory: by the kernel's own page faults, or by pages that it looks up.
 *
 * They only ever write what is there, so that nobody's data change. What they read has to be what is there. One thread of a process asks. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "calls.h"

#define PAGE_MOST (64 * 1024)
#define WRONG_DATA (-ENOTUNIQ)          /* no call gives it: what was read is not what is there */

static _Alignas(16) unsigned char buffer[(ALL_PAGES + 1) * PAGE_MOST];

static size_t in_buffer(const struct question *question)
{
	return question->length <= ALL_PAGES * page_bytes() ? question->length : page_bytes();
}

static bool by_range(const struct question *question)
{
	return question->shape != NOTHING && question->shape != WRAPS && question->shape != ABOVE;
}

/* where in the buffer the first words of the pages are; those whose page begins before the range have none */
static unsigned char *word_in_buffer(const struct question *question, unsigned int page, size_t bytes)
{
	ptrdiff_t offset = place_page(question->place, page) - question->at;

	return offset >= 0 && offset + sizeof(uint64_t) <= bytes ? buffer + offset : NULL;
}

static void fill_buffer(const struct question *question)
{
	memset(buffer, 0, in_buffer(question));
	for (unsigned int i = 0; by_range(question) && i < question->count; i++) {
		unsigned char *to = word_in_buffer(question, question->first + i, question->length);
		uint64_t word = place_word(question->place, question->first + i);

		if (to)
			memcpy(to, &word, sizeof(word));
		/* the rest of a word that begins before the range */
		else if (question->first + i == question->first)
			memcpy(buffer, (char *)&word + 1, sizeof(word) - 1);
	}
}

/* Oracle: what was read is the page's, or nothing yet where it has just been mapped again. */
static long check_buffer(const struct question *question, long got)
{
	for (unsigned int i = 0; by_range(question) && i < question->count && got > 0; i++) {
		const unsigned char *from = word_in_buffer(question, question->first + i, got);
		uint64_t word, want = place_word(question->place, question->first + i);
		bool judged = !(question->traits[i] & (IS_VAGUE | IS_HOLE));

		if (!from || !judged)
			continue;
		memcpy(&word, from, sizeof(word));
		if (word != want && (word != 0 || !question->disturbed))
			return WRONG_DATA;
	}
	return got;
}

static long ask_write(const struct question *question)
{
	long got = answer(pwrite(question->desk->scratch, question->at, question->length, 0));

	if (got <= 0 || !by_range(question))
		return got;
	return pread(question->desk->scratch, buffer, got, 0) == got ? check_buffer(question, got) : WRONG_DATA;
}

static void readable_rule(const struct question *question, struct answers *answers)
{
	allow_bytes(question, answers, traits_readable, EFAULT);
}

static long ask_read(const struct question *question)
{
	if (by_range(question)) {
		fill_buffer(question);
		if (pwrite(question->desk->scratch, buffer, question->length, 0) != (ssize_t)question->length)
			return WRONG_DATA;
	}
	return answer(pread(question->desk->scratch, question->at, question->length, 0));
}

static void writable_rule(const struct question *question, struct answers *answers)
{
	allow_bytes(question, answers, traits_writable, EFAULT);
}

static bool no_kernel_text(const struct question *question)
{
	return !any_page(question, IS_VAGUE);
}

static long ask_splice(const struct question *question)
{
	struct iovec from = { question->at, question->length };
	long got = answer(vmsplice(question->desk->pipe[1], &from, 1, SPLICE_F_NONBLOCK)), taken = 0;

	while (taken < got) {
		ssize_t part = read(question->desk->pipe[0], buffer + taken, got - taken);

		if (part <= 0)
			return WRONG_DATA;
		taken += part;
	}
	return check_buffer(question, got);
}

static void pin_readable_rule(const struct question *question, struct answers *answers)
{
	allow_bytes(question, answers, traits_pin_readable, EFAULT);
}

static void pin_writable_rule(const struct question *question, struct answers *answers)
{
	allow_bytes(question, answers, traits_pin_writable, EFAULT);
}

static long ask_process_read(const struct question *question)
{
	struct iovec here = { buffer, in_buffer(question) }, there = { question->at, question->length };

	return check_buffer(question, answer(process_vm_readv(question->target->pid, &here, 1, &there, 1, 0)));
}

static long ask_process_write(const struct question *question)
{
	struct iovec here = { buffer, in_buffer(question) }, there = { question->at, question->length };

	fill_buffer(question);
	return answer(process_vm_writev(question->target->pid, &here, 1, &there, 1, 0));
}

static long ask_process_flags(const struct question *question)
{
	struct iovec here = { buffer, in_buffer(question) }, there = { question->at, question->length };

	return answer(process_vm_readv(question->target->pid, &here, 1, &there, 1, 1));
}

static void flags_rule(const struct question *question, struct answers *answers)
{
	(void)question;
	allow(answers, ONLY(EINVAL));
}

/* A file offset is signed: addresses above are asked for as what they are. */
static long ask_mem_read(const struct question *question)
{
	long got = answer(pread(question->target->mem, buffer, in_buffer(question), (off_t)(uintptr_t)question->at));

	return check_buffer(question, got);
}

static long ask_mem_write(const struct question *question)
{
	fill_buffer(question);
	return answer(pwrite(question->target->mem, buffer, in_buffer(question), (off_t)(uintptr_t)question->at));
}

/* As a debugger: what a mapping may be made to allow. */
static bool traits_force_readable(unsigned int traits)
{
	return !(traits & (IS_BUS | IS_GUARD | IS_IO | IS_SECRET));
}

static bool traits_force_writable(unsigned int traits)
{
	bool private = traits & MAY_WRITE_IT && !(traits & IS_SHARED);

	return traits_force_readable(traits) && (traits & IS_WRITABLE || private);
}

/* It may be forbidden to force it (proc_mem.force_override=). */
static void force_rule(const struct question *question, struct answers *answers, bool (*plain)(unsigned int traits),
		       bool (*force)(unsigned int traits))
{
	allow_bytes(question, answers, plain, EIO);
	allow_bytes(question, answers, force, EIO);
}

static void force_read_rule(const struct question *question, struct answers *answers)
{
	force_rule(question, answers, traits_pin_readable, traits_force_readable);
}

static void force_write_rule(const struct question *question, struct answers *answers)
{
	force_rule(question, answers, traits_pin_writable, traits_force_writable);
}

static bool has_mem_file(const struct desk *desk)
{
	(void)desk;
	return access("/proc/self/mem", R_OK | W_OK) == 0;
}

static long as_error(enum access access)
{
	return access == ACCESS_OK ? 0 : access == ACCESS_BUS ? -EIO : -EFAULT;
}

static uint64_t *first_word(const struct question *question)
{
	return (uint64_t *)place_page(question->place, question->first);
}

static long ask_load(const struct question *question)
{
	uint64_t value = 0;
	enum access got = fault_load(first_word(question), &value);

	if (got == ACCESS_OK && !(question->traits[0] & (IS_VAGUE | IS_HOLE)) && (value != 0 || !question->disturbed) &&
	    value != place_word(question->place, question->first))
		return WRONG_DATA;
	return as_error(got);
}

static long ask_store(const struct question *question)
{
	return as_error(fault_store(first_word(question), place_word(question->place, question->first)));
}

static void access_rule(const struct question *question, struct answers *answers, unsigned int right)
{
	unsigned int traits = question->traits[0];

	if (traits & IS_HOLE || !(traits & right) || traits & IS_GUARD)
		allow(answers, ONLY(EFAULT));
	else
		allow(answers, traits & IS_BUS ? ONLY(EIO) : ONLY(0));
	if (traits & IS_HOLE && traits & GROWS)
		allow(answers, ONLY(0));
	if (traits & IS_VAGUE)
		allow(answers, ONLY(0, EIO, EFAULT));
}

static void load_rule(const struct question *question, struct answers *answers)
{
	access_rule(question, answers, IS_READABLE);
}

static void store_rule(const struct question *question, struct answers *answers)
{
	access_rule(question, answers, IS_WRITABLE);
}

#define NO_ADDRESS ONLY(EFAULT, EINVAL)

const struct call byte_calls[] = {
	{ .name = "load", .ask = ask_load, .rule = load_rule },
	{ .name = "store", .ask = ask_store, .rule = store_rule, .fits = no_kernel_text },
	{ .name = "write", .ask = ask_write, .rule = readable_rule, .nothing = ONLY(0), .wraps = NO_ADDRESS, .above = NO_ADDRESS },
	{ .name = "read", .ask = ask_read, .rule = writable_rule, .fits = no_kernel_text, .nothing = ONLY(0), .wraps = NO_ADDRESS,
	  .above = NO_ADDRESS },
	{ .name = "vmsplice", .ask = ask_splice, .rule = pin_readable_rule, .pins = true, .nothing = ONLY(0), .wraps = NO_ADDRESS,
	  .above = NO_ADDRESS },
	{ .name = "process_vm_readv", .ask = ask_process_read, .rule = pin_readable_rule, .pins = true, .foreign = true,
	  .nothing = ONLY(0), .wraps = NO_ADDRESS, .above = NO_ADDRESS },
	{ .name = "process_vm_writev", .ask = ask_process_write, .rule = pin_writable_rule, .fits = no_kernel_text, .pins = true,
	  .foreign = true, .nothing = ONLY(0), .wraps = NO_ADDRESS, .above = NO_ADDRESS },
	{ .name = "process_vm-flags", .ask = ask_process_flags, .rule = flags_rule, .foreign = true, .nothing = ONLY(EINVAL),
	  .wraps = ONLY(EINVAL), .above = ONLY(EINVAL) },
	{ .name = "mem-read", .ask = ask_mem_read, .rule = force_read_rule, .foreign = true, .nothing = ONLY(0),
	  .above = ONLY(EIO, EINVAL, EFAULT), .there = has_mem_file },
	{ .name = "mem-write", .ask = ask_mem_write, .rule = force_write_rule, .fits = no_kernel_text, .foreign = true,
	  .nothing = ONLY(0), .above = ONLY(EIO, EINVAL, EFAULT), .there = has_mem_file },
	{ 0 },
};
