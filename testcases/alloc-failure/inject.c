/* /proc/TID/fail-nth of CONFIG_FAULT_INJECTION (lib/fault-inject.c, Documentation/fault-injection): what is written counts
 * down at each allocation of the thread that a capability (FAILSLAB, FAIL_PAGE_ALLOC) looks at; the one that makes it 0
 * fails. A child begins with 0. From then on /proc/TID/make-it-fail decides, with the probability of the capability, which
 * is 1, and how many times it may. What the kernel tries twice, as a store to the tree of VMAs, fails only so. Not for
 * ever, though: the store does not give up once it has got one of the nodes that it wants (mas_nomem() of 6.12).
 * The capabilities pass over allocations that may sleep, and tasks that have not asked do not pass, only if debugfs says so;
 * testcase.yaml has the settings. */
#define _GNU_SOURCE
#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAIL_NTH "/proc/thread-self/fail-nth"
#define MAKE_IT_FAIL "/proc/thread-self/make-it-fail"
#define SPARES_SLEEPERS "/sys/kernel/debug/failslab/ignore-gfp-wait"
#define SPARES_OTHERS "/sys/kernel/debug/failslab/task-filter"
#define TIMES "/sys/kernel/debug/failslab/times"
#define BURST 6                         /* failures in a row */

static char first_of(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char found = '\0';

	if (fd < 0 || read(fd, &found, 1) != 1)
		found = '\0';
	if (fd >= 0)
		close(fd);
	return found;
}

bool inject_available(struct run *run)
{
	if (access(FAIL_NTH, R_OK | W_OK) != 0)
		run_skip(run, "no " FAIL_NTH ": the kernel lacks FAULT_INJECTION");
	else if (first_of(SPARES_SLEEPERS) != 'N')
		run_skip(run, SPARES_SLEEPERS " is not N: no allocation that may sleep would fail");
	else if (first_of(SPARES_OTHERS) != 'Y')
		run_skip(run, SPARES_OTHERS " is not Y: the settings of testcase.yaml are not there");
	else
		return true;
	return false;
}

bool inject_open(struct injector *injector, struct run *run)
{
	injector->nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	injector->more = open(MAKE_IT_FAIL, O_RDWR | O_CLOEXEC);
	injector->times = open(TIMES, O_RDWR | O_CLOEXEC);
	if (injector->nth >= 0 && injector->more >= 0 && injector->times >= 0)
		return true;
	run_fail_errno(run, injector->nth < 0 ? FAIL_NTH : injector->more < 0 ? MAKE_IT_FAIL : TIMES);
	return false;
}

static void write_number(int fd, unsigned int number)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", number);

	if (write(fd, text, length) != length)
		abort();                /* it took a number a moment ago */
}

void inject_arm(struct injector *injector, unsigned int nth, bool more)
{
	/* only one thread of the guest does this at a time */
	write_number(injector->times, BURST);
	write_number(injector->nth, nth);
	if (more)
		write_number(injector->more, 1);
}

bool inject_disarm(struct injector *injector)
{
	int error = errno;
	char text[16] = "";
	bool hit;

	write_number(injector->more, 0);
	hit = pread(injector->nth, text, sizeof(text) - 1, 0) > 0 && strcmp(text, "0\n") == 0;
	write_number(injector->nth, 0);
	errno = error;
	return hit;
}
