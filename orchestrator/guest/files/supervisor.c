/* supervisor RECORD LIMIT_S PROGRAM ARGS...: run one program and say what it left behind.
 *
 * Ends it after LIMIT_S seconds (TERM, then KILL), kills whatever it started that outlives it, and writes to RECORD:
 *	status=N			as a shell would give it; 124 when the limit ended it
 *	left=N stuck=N who=NAME		processes that outlived it; those that could not even be killed; one of them
 *	ms=N+M				what this took, before and after
 *	NAME=BEFORE,AFTER ...		counts of the whole guest: objects of slab caches, mounts, shared memory
 *
 * The counts are taken when nothing else runs. Freed objects come back late (RCU, per-CPU lists, quarantines), so the
 * caches are shrunk and looked at again until nothing is above where it was, or SETTLE_MS have passed.
 * Nothing here takes a lock of an address space that the program used: a broken kernel may hold it for ever.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ENDED_BY_LIMIT 124
#define KILL_AFTER_MS 3000		/* from TERM to KILL */
#define GIVE_UP_AFTER_MS 1000		/* from KILL on: it cannot be killed */
#define DYING_MS 1500			/* what a killed process may take to go */
#define SETTLE_MS 1500
#define STEP_MS 20
#define SLACK 2				/* not worth waiting for */

static const char *const slabs[] = {
	"vm_area_struct", "vma_lock", "mm_struct", "anon_vma", "anon_vma_chain", "maple_node", "task_struct", "filp",
	"shmem_inode_cache",
};

#define SLABS (sizeof(slabs) / sizeof(slabs[0]))

enum { MOUNTS = SLABS, POSIX_SHM, SYSV_SHM, COUNTS };

struct census {
	long count[COUNTS];		/* -1: this kernel does not say */
};

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void sleep_ms(int ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000L }, NULL);
}

/* ---- who there is ---- */

#define KTHREADD 2

struct process {
	long pid, parent;
	char state;
	char name[32];
};

static char who[32] = "nobody";		/* the last child seen, as a word */

/* "PID (name) S PPID ...": the name may hold anything */
static bool read_process(const char *pid, struct process *process)
{
	char path[64], line[256];
	char *name, *end;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, line, sizeof(line) - 1);
	close(fd);
	line[got > 0 ? got : 0] = '\0';
	name = strchr(line, '(');
	end = strrchr(line, ')');
	if (!name || !end || strlen(end) < 4)
		return false;
	*end = '\0';
	*process = (struct process){ strtol(pid, NULL, 10), strtol(end + 4, NULL, 10), end[2], "" };
	snprintf(process->name, sizeof(process->name), "%.20s", name + 1);
	for (char *at = process->name; *at; at++)
		if (*at <= ' ' || *at > '~' || *at == '=')
			*at = '_';
	return true;
}

/* the next process in an open /proc */
static bool next_process(DIR *directory, struct process *process)
{
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && read_process(entry->d_name, process))
			return true;
	return false;
}

/* Is a process other than this one at work? Threads of the kernel do not count. */
static bool others_run(void)
{
	DIR *directory = opendir("/proc");
	struct process process;
	bool found = false;

	while (!found && next_process(directory, &process))
		found = process.parent != KTHREADD && process.pid != KTHREADD && process.pid != getpid() &&
			(process.state == 'R' || process.state == 'D');
	if (directory)
		closedir(directory);
	return found;
}

/* ---- counts ---- */

static long slab_objects(const char *name)
{
	char path[128], text[64] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, "1", 1) != 1)
			text[0] = '\0';	/* then the count may be too high, which the limits allow for */
		close(fd);
	}
	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/objects", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) <= 0)
		text[0] = '\0';
	close(fd);
	return text[0] ? strtol(text, NULL, 10) : -1;
}

static long lines_of(const char *path)
{
	char block[4096];
	long lines = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	while ((got = read(fd, block, sizeof(block))) > 0)
		for (ssize_t i = 0; i < got; i++)
			lines += block[i] == '\n';
	close(fd);
	return lines;
}

static long entries_of(const char *path)
{
	DIR *directory = opendir(path);
	long entries = -2;		/* . and .. */

	if (!directory)
		return -1;
	while (readdir(directory))
		entries++;
	closedir(directory);
	return entries;
}

/* An idle CPU keeps the mm_struct of whoever ran on it last. Let that be us. */
static void visit_cpus(void)
{
	cpu_set_t allowed, one;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
	}
	sched_setaffinity(0, sizeof(allowed), &allowed);
}

static struct census take_census(void)
{
	struct census census;

	visit_cpus();
	for (size_t i = 0; i < SLABS; i++)
		census.count[i] = slab_objects(slabs[i]);
	census.count[MOUNTS] = lines_of("/proc/self/mountinfo");
	census.count[POSIX_SHM] = entries_of("/dev/shm");
	census.count[SYSV_SHM] = lines_of("/proc/sysvipc/shm");
	return census;
}

/* Others of the guest are still at it: those who take the program's output have not quite started, what ended before is
 * not quite gone. Two looks that see the same, while nobody runs. */
static struct census settle_before(void)
{
	struct census last = take_census();

	for (long long end = now_ms() + SETTLE_MS; now_ms() < end;) {
		struct census census;

		sleep_ms(STEP_MS);
		if (others_run())
			continue;
		census = take_census();
		if (memcmp(&census, &last, sizeof(last)) == 0)
			break;
		last = census;
	}
	return last;
}

static bool is_above(const struct census *after, const struct census *before)
{
	for (int i = 0; i < COUNTS; i++)
		if (after->count[i] > before->count[i] + SLACK)
			return true;
	return false;
}

/* the lowest seen of each: a count that was down once was not leaked */
static struct census settle_after(const struct census *before)
{
	struct census lowest = take_census();

	for (long long end = now_ms() + SETTLE_MS; is_above(&lowest, before) && now_ms() < end;) {
		struct census census;

		sleep_ms(STEP_MS);
		census = take_census();
		for (int i = 0; i < COUNTS; i++)
			if (census.count[i] < lowest.count[i])
				lowest.count[i] = census.count[i];
	}
	return lowest;
}

/* ---- processes ---- */

static int exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run(char **argv, long limit_s)
{
	long long end = now_ms() + limit_s * 1000LL;
	bool asked = false;
	int status, got;
	sigset_t child;
	pid_t pid;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	pid = fork();
	if (pid < 0)
		return 125;
	if (pid == 0) {
		sigprocmask(SIG_UNBLOCK, &child, NULL);
		execvp(argv[0], argv);
		fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
		_exit(errno == ENOENT ? 127 : 126);
	}
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
		sigtimedwait(&child, NULL, &(struct timespec){ .tv_nsec = 200 * 1000000L });
	}
}

/* Signals our children and counts them. They are whatever the program started and did not wait for, as we are the
 * subreaper: orphans become ours. */
static int each_child(int signal)
{
	DIR *directory = opendir("/proc");
	struct process process;
	int count = 0;

	while (next_process(directory, &process)) {
		if (process.parent != getpid())
			continue;
		count++;
		memcpy(who, process.name, sizeof(who));
		if (signal)
			kill(process.pid, signal);
	}
	if (directory)
		closedir(directory);
	return count;
}

static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

int main(int argc, char **argv)
{
	long long began = now_ms(), ended;
	struct census before, after;
	int status, left, stuck;
	FILE *record;

	if (argc < 4) {
		fprintf(stderr, "usage: supervisor RECORD LIMIT_S PROGRAM ARGS...\n");
		return 2;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	before = settle_before();
	began = now_ms() - began;
	status = run(argv + 3, strtol(argv[2], NULL, 10));
	ended = now_ms();
	/* what was killed at its parent's end, and is about to go, is not left behind */
	for (long long end = now_ms() + DYING_MS; reap(), each_child(0) && now_ms() < end;)
		sleep_ms(STEP_MS);
	left = each_child(SIGKILL);
	stuck = left;
	for (long long end = now_ms() + DYING_MS; stuck && now_ms() < end; reap(), stuck = each_child(SIGKILL))
		sleep_ms(STEP_MS);
	after = stuck ? take_census() : settle_after(&before);
	ended = now_ms() - ended;
	record = fopen(argv[1], "w");
	if (!record)
		return 2;
	fprintf(record, "status=%d left=%d stuck=%d who=%s ms=%lld+%lld", status, left, stuck, who, began, ended);
	for (int i = 0; i < COUNTS; i++) {
		static const char *const others[] = { "mounts", "posix_shm", "sysv_shm" };

		if (before.count[i] >= 0 && after.count[i] >= 0)
			fprintf(record, " %s=%ld,%ld", i < (int)SLABS ? slabs[i] : others[i - SLABS], before.count[i],
				after.count[i]);
	}
	fprintf(record, "\n");
	return fclose(record) ? 2 : 0;
}
