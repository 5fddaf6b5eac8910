#include "processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KTHREADD 2

struct process {
	long pid, parent;
	char state;
	char name[NAME_SIZE];
};

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

bool others_run(void)
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

int signal_children(int signal, char *name)
{
	DIR *directory = opendir("/proc");
	struct process process;
	int count = 0;

	while (next_process(directory, &process)) {
		if (process.parent != getpid())
			continue;
		count++;
		memcpy(name, process.name, NAME_SIZE);
		if (signal)
			kill(process.pid, signal);
	}
	if (directory)
		closedir(directory);
	return count;
}
