/*
 * A TCG plugin that counts executed instructions of the kernel, and takes down how many there were whenever a CPU comes
 * by one of some addresses.
 *
 *	-plugin FILE,addresses=FILE,counters=FILE[,above=ADDRESS]
 *
 * `addresses`: ascending uint64_t, of the host's byte order. `counters`: a file of as many uint64_t and one before them,
 * which stays 0; the others have the sum over all CPUs when the address was executed last. `above`: code from here on is
 * counted; the upper half of the address space, where the kernel lies, if nothing is said.
 *
 * Each CPU counts by itself, when it enters a translated block. A block that an exception leaves early counts as a whole:
 * that is the same for the same code. A call for each block costs time, and works with both interfaces of QEMU (see the
 * plugin for coverage).
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define WEAK __attribute__((weak))
#define CPUS_MAX 256
#define NO_REGS 0

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*vcpu_cb)(unsigned int cpu, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*cb)(uint64_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, vcpu_cb cb, int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, vcpu_cb cb, int flags, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t at);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
WEAK void *qemu_plugin_scoreboard_new(size_t element_size); /* since QEMU 9, which refuses version 1 */

EXPORT int qemu_plugin_version = 1; /* of the interface: QEMU reads it when it has loaded us */

static struct {
	uint64_t executed;
	char own_line[64 - sizeof(uint64_t)];
} cpus[CPUS_MAX];
static const uint64_t *addresses;
static uint64_t *counters;
static uint64_t above = 1ull << 63;
static size_t n;

__attribute__((constructor)) static void choose_interface(void)
{
	if (qemu_plugin_scoreboard_new)
		qemu_plugin_version = 2;
}

static void executed(unsigned int cpu, void *instructions)
{
	uint64_t *mine = &cpus[cpu % CPUS_MAX].executed;

	__atomic_store_n(mine, *mine + (uintptr_t)instructions, __ATOMIC_RELAXED);
}

static void marked(unsigned int cpu, void *at)
{
	uint64_t sum = 0;

	(void)cpu;
	for (size_t i = 0; i < CPUS_MAX; i++)
		sum += __atomic_load_n(&cpus[i].executed, __ATOMIC_RELAXED);
	__atomic_store_n(&counters[(uintptr_t)at], sum, __ATOMIC_RELEASE);
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t all = qemu_plugin_tb_n_insns(tb);

	(void)id;
	if (qemu_plugin_tb_vaddr(tb) >= above)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, NO_REGS, (void *)all);
	for (size_t i = 0; i < all; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t address = qemu_plugin_insn_vaddr(insn);

		if (address < addresses[0] || address > addresses[n - 1])
			continue;
		for (size_t at = 0; at < n; at++)
			if (addresses[at] == address)
				qemu_plugin_register_vcpu_insn_exec_cb(insn, marked, NO_REGS, (void *)at);
	}
}

/* The whole file, mapped; its size in words. NULL: it cannot be, and stderr says why */
static void *mapped(const char *path, int protection, int how, size_t *words)
{
	struct stat info;
	void *map = MAP_FAILED;
	int fd = open(path, how == MAP_SHARED ? O_RDWR : O_RDONLY);

	if (fd >= 0 && fstat(fd, &info) == 0) {
		*words = info.st_size / sizeof(uint64_t);
		map = mmap(NULL, info.st_size, protection, how, fd, 0);
	}
	if (map == MAP_FAILED)
		perror(path);
	if (fd >= 0)
		close(fd);
	return map == MAP_FAILED ? NULL : map;
}

static const char *value(const char *name, int argc, char **argv)
{
	size_t length = strlen(name);

	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
			return argv[i] + length + 1;
	return "";
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	size_t words = 0;
	uint64_t *file;

	(void)info;
	addresses = mapped(value("addresses", argc, argv), PROT_READ, MAP_PRIVATE, &n);
	file = mapped(value("counters", argc, argv), PROT_READ | PROT_WRITE, MAP_SHARED, &words);
	if (!addresses || !file)
		return 1;
	if (words != n + 1) {
		fprintf(stderr, "%zu words are no place for %zu counters\n", words, n);
		return 1;
	}
	counters = file + 1;
	if (*value("above", argc, argv))
		above = strtoull(value("above", argc, argv), NULL, 0);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
