// SPDX-License-Identifier: GPL-2.0-only
/* Calls that look one address up. Rules: kernel/futex/core.c (get_futex_key), net/ipv4/tcp.c, mm/mempolicy.c, mm/migrate.c. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

#ifndef TCP_ZEROCOPY_RECEIVE
#define TCP_ZEROCOPY_RECEIVE 35
#endif
#define NO_VALUE 1                      /* neither tags nor zeroes begin with it */
#define MPOL_F_NODE 1
#define MPOL_F_ADDR 2
#define PAGES_ASKED 4

static long ask_wake(const struct question *question)
{
	return answer(syscall(SYS_futex, question->at, FUTEX_WAKE, 1, NULL, NULL, 0));
}

/* A futex that processes share is found by its page: one that is anonymous has to be written to for that. */
static void wake_rule(const struct question *question, struct answers *answers)
{
	unsigned int traits = question->traits[0];
	bool of_file = traits & IS_SHMEM && traits_pin_readable(traits);

	if (traits & IS_VAGUE)
		allow(answers, ONLY(0, EFAULT));
	else
		allow(answers, !(traits & IS_HOLE) && (traits_pin_writable(traits) || of_file) ? ONLY(0) : ONLY(EFAULT));
}

static long ask_wait(const struct question *question)
{
	struct timespec at_once = { 0 };

	return answer(syscall(SYS_futex, question->at, FUTEX_WAIT_PRIVATE, NO_VALUE, &at_once, NULL, 0));
}

static void wait_rule(const struct question *question, struct answers *answers)
{
	unsigned int traits = question->traits[0];

	if (traits & IS_VAGUE || (traits & IS_HOLE && traits & GROWS))
		allow(answers, ONLY(EAGAIN, EFAULT, ETIMEDOUT));
	else
		allow(answers, !(traits & IS_HOLE) && traits_readable(traits) ? ONLY(EAGAIN) : ONLY(EFAULT));
}

static long ask_wake_op(const struct question *question)
{
	static _Thread_local uint32_t word;

	/* adds nothing to the futex that is asked about */
	return answer(syscall(SYS_futex, &word, FUTEX_WAKE_OP_PRIVATE, 1, 1, question->at,
			      FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, NO_VALUE)));
}

static void wake_op_rule(const struct question *question, struct answers *answers)
{
	unsigned int traits = question->traits[0];

	allow(answers, !(traits & IS_HOLE) && traits_writable(traits) ? ONLY(0) : ONLY(EFAULT));
	if (traits & IS_HOLE && traits & GROWS)
		allow(answers, ONLY(0));
}

static bool no_kernel_text(const struct question *question)
{
	return !any_page(question, IS_VAGUE);
}

static long ask_receive(const struct question *question)
{
	/* as of Linux 4.19 */
	struct {
		uint64_t address;
		uint32_t length, recv_skip_hint;
	} want = { (uintptr_t)question->at, (uint32_t)question->length, 0 };
	socklen_t size = sizeof(want);

	desk_fill_stream(question->desk);
	return answer(getsockopt(question->desk->stream_in, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &want, &size));
}

/* Pages cannot be given where others are, nor where there are none to give. */
static void receive_rule(const struct question *question, struct answers *answers)
{
	if (first_page(question, IS_VAGUE) && first_page(question, HAS_FILE))
		allow(answers, ONLY(0, EINVAL, EAGAIN, EBUSY, EIO));
	else
		allow(answers, ONLY(EINVAL));
}

static bool has_stream(const struct desk *desk)
{
	return desk->stream_in >= 0;
}

static long ask_node(const struct question *question)
{
	int node = 0;

	return answer(syscall(SYS_get_mempolicy, &node, NULL, 0, question->at, (long)question->call->arg));
}

/* ENOSYS: CONFIG_NUMA */
static void policy_rule(const struct question *question, struct answers *answers)
{
	allow(answers, first_page(question, IS_HOLE) ? ONLY(EFAULT, ENOSYS) : ONLY(0, ENOSYS));
}

static void node_rule(const struct question *question, struct answers *answers)
{
	unsigned int traits = question->traits[0];

	allow(answers, !(traits & IS_HOLE) && traits_pin_readable(traits) ? ONLY(0, ENOSYS) : ONLY(EFAULT, ENOSYS));
	if (traits & IS_VAGUE)
		allow(answers, ONLY(0));
}

static long ask_bind(const struct question *question)
{
	return answer(syscall(SYS_mbind, question->at, question->length, (long)question->call->arg, NULL, 0L, 0L));
}

static void bind_rule(const struct question *question, struct answers *answers)
{
	allow(answers, any_page(question, IS_HOLE) ? ONLY(0, EFAULT, ENOSYS) : ONLY(0, ENOSYS));
}

static void no_policy_rule(const struct question *question, struct answers *answers)
{
	(void)question;
	allow(answers, ONLY(EINVAL, ENOSYS));
}

static long ask_where(const struct question *question)
{
	void *pages[PAGES_ASKED];
	int status[PAGES_ASKED];

	for (unsigned int i = 0; i < PAGES_ASKED; i++)
		pages[i] = question->at + i * page_bytes();
	return answer(syscall(SYS_move_pages, question->target->other ? question->target->pid : 0, (long)PAGES_ASKED, pages, NULL,
			      status, 0));
}

static void where_rule(const struct question *question, struct answers *answers)
{
	(void)question;
	allow(answers, ONLY(0, ENOSYS));
}

#define BAD ONLY(EINVAL)
#define BAD_POLICY ONLY(EINVAL, ENOSYS, EFAULT, ENOMEM)

const struct call single_calls[] = {
	{ .name = "futex-wake", .ask = ask_wake, .rule = wake_rule, .pins = true, .askew = BAD, .above = ONLY(EFAULT) },
	{ .name = "futex-wait", .ask = ask_wait, .rule = wait_rule, .askew = BAD, .above = ONLY(EFAULT) },
	{ .name = "futex-wake-op", .ask = ask_wake_op, .rule = wake_op_rule, .fits = no_kernel_text, .pins = true, .askew = BAD,
	  .above = ONLY(EFAULT) },
	{ .name = "tcp-zerocopy-receive", .ask = ask_receive, .rule = receive_rule, .askew = BAD, .above = BAD, .spoils = true,
	  .there = has_stream },
	{ .name = "get_mempolicy", .ask = ask_node, .arg = MPOL_F_ADDR, .rule = policy_rule, .above = BAD_POLICY },
	{ .name = "get_mempolicy-node", .ask = ask_node, .arg = MPOL_F_ADDR | MPOL_F_NODE, .rule = node_rule, .pins = true,
	  .above = BAD_POLICY },
	{ .name = "mbind", .ask = ask_bind, .rule = bind_rule, .nothing = ONLY(0, ENOSYS), .askew = ONLY(EINVAL, ENOSYS),
	  .wraps = BAD_POLICY, .above = BAD_POLICY },
	{ .name = "mbind-policy", .ask = ask_bind, .arg = 4242, .rule = no_policy_rule, .nothing = ONLY(EINVAL, ENOSYS),
	  .wraps = BAD_POLICY, .above = BAD_POLICY },
	{ .name = "move_pages", .ask = ask_where, .rule = where_rule, .foreign = true, .above = ONLY(0, ENOSYS) },
	{ 0 },
};
