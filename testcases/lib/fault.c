#include "fault.h"

#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#define HANDLER_STACK_BYTES (64 * 1024)

/* One trap per thread: the handler jumps back into the access that armed it. */
static _Thread_local struct {
	sigjmp_buf resume;
	volatile sig_atomic_t armed;
	const void *volatile address;
} trap;

static _Thread_local _Alignas(16) char handler_stack[HANDLER_STACK_BYTES];
static struct run *listener;

static void on_fault(int signo, siginfo_t *info, void *context)
{
	uintptr_t seen = (uintptr_t)info->si_addr;
	uintptr_t wanted = (uintptr_t)trap.address;

	(void)context;
	if (trap.armed && seen >= wanted && seen < wanted + sizeof(uint64_t)) {
		trap.armed = 0;
		siglongjmp(trap.resume, signo == SIGBUS ? ACCESS_BUS : ACCESS_SEGV);
	}
	/* Oracle: memory that no subtest ever takes away (code, stacks, libc's data) was refused, or the kernel
	 * reported an address that nobody touched. A fault handled with another VMA's limits or flags does that. */
	if (listener)
		run_fail(listener, "unexpected signal %d at %p (code %d) while %s %p", signo, info->si_addr, info->si_code,
			 trap.armed ? "accessing" : "last accessed", (void *)wanted);
	_exit(1);
}

void fault_init(struct run *run)
{
	/* SA_NODEFER: the handler is left by a jump that restores no signal mask, which saves two system calls
	 * per fault. SA_ONSTACK: the fault may be about the stack itself. */
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK };

	listener = run;
	sigemptyset(&action.sa_mask);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

void fault_thread_begin(void)
{
	stack_t stack = { .ss_sp = handler_stack, .ss_size = sizeof(handler_stack) };

	sigaltstack(&stack, NULL);
}

void fault_thread_end(void)
{
	stack_t none = { .ss_flags = SS_DISABLE };

	sigaltstack(&none, NULL);
}

/* noinline: nothing of the caller lives in registers across the jump */
__attribute__((noinline)) enum access fault_load(const uint64_t *address, uint64_t *value)
{
	enum access refused = sigsetjmp(trap.resume, 0);

	if (refused != ACCESS_OK)
		return refused;
	trap.address = address;
	trap.armed = 1;
	*value = *(const volatile uint64_t *)address;
	trap.armed = 0;
	return ACCESS_OK;
}

__attribute__((noinline)) enum access fault_store(uint64_t *address, uint64_t value)
{
	enum access refused = sigsetjmp(trap.resume, 0);

	if (refused != ACCESS_OK)
		return refused;
	trap.address = address;
	trap.armed = 1;
	*(volatile uint64_t *)address = value;
	trap.armed = 0;
	return ACCESS_OK;
}

const char *access_name(enum access access)
{
	static const char *const names[] = { "success", "SIGSEGV", "SIGBUS" };

	return names[access];
}
