#define _GNU_SOURCE
#include "census.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "pages.h"
#include "processes.h"

#define SETTLE_MS 1500
#define SLACK 2				/* not worth waiting for; more where there is a slack */

static const char *const names[COUNTS] = {
	"vm_area_struct", "vma_lock", "mm_struct", "anon_vma", "anon_vma_chain", "maple_node", "task_struct", "filp",
	"shmem_inode_cache", "mounts", "posix_shm", "sysv_shm", "pages", "mlocked_pages", "committed_pages",
};

enum { SLABS = 9, MOUNTS = SLABS, POSIX_SHM, SYSV_SHM, PAGES, MLOCKED, COMMITTED };

/* Pages come and go with the guest's network and its daemons. */
static const long slack[COUNTS] = { [PAGES] = 32, [COMMITTED] = 32 };

static int shrink[SLABS], objects[SLABS], mounts, sysv_shm;
static DIR *posix_shm;

static int open_of_slab(const char *name, const char *file, int mode)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/%s", name, file);
	return open(path, mode | O_CLOEXEC);
}

void census_open(void)
{
	for (int i = 0; i < SLABS; i++) {
		shrink[i] = open_of_slab(names[i], "shrink", O_WRONLY);
		objects[i] = open_of_slab(names[i], "objects", O_RDONLY);
	}
	mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	sysv_shm = open("/proc/sysvipc/shm", O_RDONLY | O_CLOEXEC);
	posix_shm = opendir("/dev/shm");
	pages_open();
}

static long slab_objects(int slab)
{
	char text[64] = "";

	if (shrink[slab] >= 0 && write(shrink[slab], "1", 1) != 1)
		text[0] = '\0';		/* then the count may be too high, which the limits allow for */
	if (objects[slab] < 0 || pread(objects[slab], text, sizeof(text) - 1, 0) <= 0)
		return -1;
	return strtol(text, NULL, 10);
}

static long lines_of(int fd)
{
	char block[4096];
	long lines = 0;
	ssize_t got;

	if (fd < 0 || lseek(fd, 0, SEEK_SET) != 0)
		return -1;
	while ((got = read(fd, block, sizeof(block))) > 0)
		for (ssize_t i = 0; i < got; i++)
			lines += block[i] == '\n';
	return lines;
}

static long entries_of(DIR *directory)
{
	long entries = -2;		/* . and .. */

	if (!directory)
		return -1;
	rewinddir(directory);
	while (readdir(directory))
		entries++;
	return entries;
}

/* An idle CPU keeps the mm_struct of whoever ran on it last: let that be us. And each CPU keeps some pages that it is to put
 * on or off a list; it does so when something is unmapped there. */
static void visit_cpus(void)
{
	long page = sysconf(_SC_PAGESIZE);
	cpu_set_t allowed, one;
	void *at;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		sched_setaffinity(0, sizeof(one), &one);
		at = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at != MAP_FAILED)
			munmap(at, page);
	}
	sched_setaffinity(0, sizeof(allowed), &allowed);
}

static struct census look(void)
{
	struct census census;
	struct pages pages;

	visit_cpus();
	for (int i = 0; i < SLABS; i++)
		census.count[i] = slab_objects(i);
	census.count[MOUNTS] = lines_of(mounts);
	census.count[POSIX_SHM] = entries_of(posix_shm);
	census.count[SYSV_SHM] = lines_of(sysv_shm);
	pages = pages_now();
	census.count[PAGES] = pages.unaccounted;
	census.count[MLOCKED] = pages.mlocked;
	census.count[COMMITTED] = pages.committed;
	return census;
}

static bool is_same(const struct census *one, const struct census *other)
{
	for (int i = 0; i < COUNTS; i++)
		if (labs(one->count[i] - other->count[i]) > slack[i])
			return false;
	return true;
}

struct census census_before(void)
{
	struct census last = look();

	for (long long end = now_ms() + SETTLE_MS; now_ms() < end;) {
		struct census census;

		sleep_ms(STEP_MS);
		if (others_run())
			continue;
		census = look();
		if (is_same(&census, &last))
			break;
		last = census;
	}
	return last;
}

static bool is_above(const struct census *after, const struct census *before)
{
	for (int i = 0; i < COUNTS; i++)
		if (after->count[i] > before->count[i] + SLACK + slack[i])
			return true;
	return false;
}

struct census census_after(const struct census *before, int settles)
{
	struct census lowest = look();
	bool shrunk = false;

	for (long long end = now_ms() + SETTLE_MS; settles && is_above(&lowest, before) && now_ms() < end;) {
		struct census census;

		sleep_ms(STEP_MS);
		/* once: with much to look at it takes long */
		if (!shrunk && lowest.count[PAGES] > before->count[PAGES] + SLACK + slack[PAGES])
			pages_shrink();
		shrunk = true;
		census = look();
		for (int i = 0; i < COUNTS; i++)
			if (census.count[i] < lowest.count[i])
				lowest.count[i] = census.count[i];
	}
	return lowest;
}

void census_print(FILE *out, const struct census *before, const struct census *after)
{
	for (int i = 0; i < COUNTS; i++)
		if (before->count[i] >= 0 && after->count[i] >= 0)
			fprintf(out, " %s=%ld,%ld", names[i], before->count[i], after->count[i]);
}
