/* supervisor LIMIT_S CAP_BYTES NAME PROGRAM ARGS... <SECRETS: run one case and say how it ended and what it left behind.
 *
 * Ends the program after LIMIT_S seconds (TERM, then KILL), kills whatever it started that outlives it, drops what goes
 * beyond CAP_BYTES of its output, marks begin and end in the kernel's log. The last line on stderr is the sentinel:
 *
 *	orchestrate-sentinel TOKEN	the first word on stdin
 *	status=N			as a shell would give it; 124 when the limit ended it
 *	left=N stuck=N who=NAME		processes that outlived it; those that could not even be killed; one of them
 *	ms=N+M				what this took, before and after
 *	NAME=BEFORE,AFTER ...		counts of the whole guest (census.h), and the kernel's taint
 *	dropped=N			bytes of stdout
 *	full=N				1: nothing more can be written to /tmp
 *
 * Without a sentinel the guest did not survive to write one. The program must not be able to write it either, though it is
 * root: the token is in no argument, environment, file or log; its output goes through pipes; and it is without
 * CAP_SYS_PTRACE, so that the memory and the descriptors of a process that has it are out of its reach. The mark of the
 * end has a secret of its own, the second word on stdin, which is none any more once the program has ended.
 *
 * Nothing here takes a lock of an address space that the program used: a broken kernel may hold it for ever.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "census.h"
#include "clock.h"
#include "processes.h"
#include "pump.h"

#define ENDED_BY_LIMIT 124
#define CANNOT_START 125
#define KILL_AFTER_MS 3000		/* from TERM to KILL */
#define GIVE_UP_AFTER_MS 1000		/* from KILL on: it cannot be killed */
#define DYING_MS 1500			/* what a killed process may take to go */
#define LOOK_MS 200

static struct pump pumps[2];		/* of stdout and stderr */
static sigset_t child_lets_through;

static void on_child(int signal)
{
	(void)signal;			/* it is there to wake ppoll() */
}

static void prepare_signals(void)
{
	sigset_t child;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, on_child);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &child_lets_through);
	sigdelset(&child_lets_through, SIGCHLD);
}

/* whoever listens may be slow, or gone */
static void set_blocking(bool blocks)
{
	fcntl(STDOUT_FILENO, F_SETFL, blocks ? 0 : O_NONBLOCK);
	fcntl(STDERR_FILENO, F_SETFL, blocks ? 0 : O_NONBLOCK);
}

static void become(char **argv) __attribute__((noreturn));

static void become(char **argv)
{
	close(STDIN_FILENO);
	open("/dev/null", O_RDONLY);	/* the lowest descriptor that is free */
	dup2(pumps[0].inlet, STDOUT_FILENO);
	dup2(pumps[1].inlet, STDERR_FILENO);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &child_lets_through, NULL);
	/* as any other program: it is the guest's SSH server that goes first */
	setpriority(PRIO_PROCESS, 0, 0);
	if (prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE) == 0)
		execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static int exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static int run(char **argv, long limit_s)
{
	long long end = now_ms() + limit_s * 1000LL;
	bool asked = false;
	int status, got;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		return CANNOT_START;
	if (pid == 0)
		become(argv);
	close(pumps[0].inlet);
	close(pumps[1].inlet);
	for (;;) {
		/* orphans are ours, too: reap them as they end */
		while ((got = waitpid(-1, &status, WNOHANG)) > 0)
			if (got == pid)
				return asked ? ENDED_BY_LIMIT : exit_status(status);
		if (now_ms() >= end) {
			long long late = now_ms() - end;

			if (late >= KILL_AFTER_MS + GIVE_UP_AFTER_MS)
				return ENDED_BY_LIMIT;	/* it is among those left behind */
			if (!asked || late >= KILL_AFTER_MS)
				kill(pid, asked ? SIGKILL : SIGTERM);
			asked = true;
		}
		pumps_run(pumps, 2, LOOK_MS, &child_lets_through);
	}
}

/* What is there for DYING_MS, or still there then. */
static int wait_for_children(int signal, char *name)
{
	int count;

	for (long long end = now_ms() + DYING_MS; reap(), (count = signal_children(signal, name)) && now_ms() < end;)
		pumps_run(pumps, 2, STEP_MS, &child_lets_through);
	return count;
}

static unsigned long taint(int fd)
{
	char text[32] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? strtoul(text, NULL, 10) : 0;
}

/* file systems without a limit say that they have no blocks at all */
static bool is_full(const char *path)
{
	struct statvfs now;

	return statvfs(path, &now) == 0 && now.f_blocks && (!now.f_bavail || (now.f_files && !now.f_favail));
}

/* One write(2) is one line there. Not dprintf: glibc's asks for the offset first, which /dev/kmsg refuses with EINVAL. */
static void log_mark(int kmsg, const char *what, const char *name)
{
	char line[256];
	int size = snprintf(line, sizeof(line), "orchestrate: %s %s\n", what, name);

	if (write(kmsg, line, size < (int)sizeof(line) ? size : (int)sizeof(line) - 1) < 0)
		perror("/dev/kmsg");
}

int main(int argc, char **argv)
{
	char token[80] = "", end_id[80] = "-", end[90], who[NAME_SIZE] = "nobody";
	int kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC), tainted = open("/proc/sys/kernel/tainted", O_RDONLY | O_CLOEXEC);
	unsigned long taint_before;
	struct census before, after;
	long long began, ended;
	int status, left, stuck;
	unsigned long long cap;
	bool full;

	if (argc < 5 || scanf("%79s", token) != 1) {
		fprintf(stderr, "usage: echo TOKEN [MARK] | supervisor LIMIT_S CAP_BYTES NAME PROGRAM ARGS...\n");
		return 2;
	}
	scanf("%*1[ ]%79s", end_id);
	cap = strtoull(argv[2], NULL, 10);
	if (!pump_open(&pumps[0], STDOUT_FILENO, cap) || !pump_open(&pumps[1], STDERR_FILENO, cap))
		return 2;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prepare_signals();
	set_blocking(false);
	log_mark(kmsg, "begin", argv[3]);
	taint_before = taint(tainted);
	began = now_ms();
	census_open();
	before = census_before();
	began = now_ms() - began;
	status = run(argv + 4, strtol(argv[1], NULL, 10));
	ended = now_ms();
	/* what was killed at its parent's end, and is about to go, is not left behind */
	left = wait_for_children(0, who);
	stuck = left ? wait_for_children(SIGKILL, who) : 0;
	full = is_full("/tmp");
	pumps_empty(pumps, 2);
	after = census_after(&before, !stuck);
	ended = now_ms() - ended;
	snprintf(end, sizeof(end), "end %s", end_id);
	log_mark(kmsg, end, argv[3]);
	set_blocking(true);
	/* on a line of its own, whatever the program left unfinished */
	fprintf(stderr, "\norchestrate-sentinel %s status=%d left=%d stuck=%d who=%s ms=%lld+%lld", token, status, left, stuck,
		who, began, ended);
	census_print(stderr, &before, &after);
	fprintf(stderr, " taint=%lu,%lu dropped=%llu full=%d\n", taint_before, taint(tainted), pumps[0].dropped, full);
	return 0;
}
