#define _GNU_SOURCE
#include "child.h"
#include "words.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_BYTES (128 * 1024)

pid_t child_try(struct run *run, void (*body)(struct run *run, void *arg), void *arg)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	body(run, arg);
	_exit(0);
}

pid_t child_start(struct run *run, void (*body)(struct run *run, void *arg), void *arg)
{
	pid_t pid = child_try(run, body, arg);

	if (pid < 0)
		run_fail_errno(run, "fork");
	return pid;
}

bool child_try_thread(void *(*body)(void *arg), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	error = pthread_create(&thread, &attr, body, arg);
	pthread_attr_destroy(&attr);
	return error == 0;
}

void child_thread(struct run *run, void *(*body)(void *arg), void *arg)
{
	if (!child_try_thread(body, arg))
		run_fail(run, "a thread of the child cannot be started");
}

static void judge_end(struct run *run, pid_t pid, bool may_be_killed)
{
	int status = 0;
	pid_t got;

	if (pid < 0)
		return;
	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		run_fail_errno(run, "waitpid");
	else if (may_be_killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return;
	else if (WIFSIGNALED(status))
		run_fail(run, "child %d died of signal %d (%s)", (int)pid, WTERMSIG(status), signal_words(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		run_fail(run, "child %d exited with status %d", (int)pid, WEXITSTATUS(status));
}

void child_wait(struct run *run, pid_t pid)
{
	judge_end(run, pid, false);
}

void child_wait_killed(struct run *run, pid_t pid)
{
	judge_end(run, pid, true);
}
