#define _GNU_SOURCE
#include "stall.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* the file's first line; empty when there is none to be had */
static void read_line(int thread, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t got = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", thread, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = read(fd, text, size - 1);
		close(fd);
	}
	text[got > 0 ? got : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

/* the letter behind the name, which is in brackets and may hold anything; 0 when the thread is gone */
static char state_of(int thread)
{
	char line[256];
	const char *end;

	read_line(thread, "stat", line, sizeof(line));
	end = strrchr(line, ')');
	return end && end[1] == ' ' ? end[2] : 0;
}

bool stall_sleeps(int thread)
{
	return state_of(thread) != 'R';
}

long stall_cpu_ms(int thread)
{
	unsigned long user = 0, system = 0;
	char name[48], line[512];
	const char *end;

	/* /proc/TID/stat has the times of the whole process */
	snprintf(name, sizeof(name), "task/%d/stat", thread);
	read_line(thread, name, line, sizeof(line));
	end = strrchr(line, ')');
	/* fields 14 and 15; the state behind the bracket is the third */
	if (!end || sscanf(end + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
		return 0;
	return (user + system) * 1000 / sysconf(_SC_CLK_TCK);
}

static bool is_number(const char *name)
{
	return name[0] >= '1' && name[0] <= '9';
}

static void each_of_process(const char *pid, void (*visit)(int thread, char state, void *arg), void *arg)
{
	struct dirent *entry;
	char path[64];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%.20s/task", pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks)))
		if (is_number(entry->d_name))
			visit(atoi(entry->d_name), state_of(atoi(entry->d_name)), arg);
	if (tasks)
		closedir(tasks);
}

void stall_each_of_group(pid_t group, void (*visit)(int thread, char state, void *arg), void *arg)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;

	/* getpgid() reads no memory of the process */
	while (processes && (entry = readdir(processes)))
		if (is_number(entry->d_name) && getpgid(atoi(entry->d_name)) == group)
			each_of_process(entry->d_name, visit, arg);
	if (processes)
		closedir(processes);
}

/* the innermost function of /proc/PID/stack that is not the scheduler's; needs CONFIG_STACKTRACE */
static void top_of_stack(int thread, char *text, size_t size)
{
	const char *name;

	read_line(thread, "stack", text, size);
	name = strstr(text, "] ");
	if (name)
		memmove(text, name + 2, strlen(name + 2) + 1);
	text[strcspn(text, "+ ")] = '\0';
}

void stall_describe(int thread, char *text, size_t size)
{
	char state = state_of(thread);
	char where[64], call[64];
	size_t used;

	if (!state) {
		snprintf(text, size, "the thread is gone");
		return;
	}
	used = snprintf(text, size, "state %c", state);
	read_line(thread, "wchan", where, sizeof(where));
	if (!where[0] || strcmp(where, "0") == 0)
		top_of_stack(thread, where, sizeof(where));
	if (where[0] && strcmp(where, "0") != 0 && used < size)
		used += snprintf(text + used, size - used, " in %s", where);
	/* "11 0x7f.. ...", "running", or "-1 ..." outside of system calls, as in a page fault */
	read_line(thread, "syscall", call, sizeof(call));
	call[strcspn(call, " ")] = '\0';
	if (strcmp(call, "-1") == 0 && used < size)
		snprintf(text + used, size - used, ", not in a system call");
	else if (call[0] && strcmp(call, "running") != 0 && used < size)
		snprintf(text + used, size - used, ", system call %s", call);
}
