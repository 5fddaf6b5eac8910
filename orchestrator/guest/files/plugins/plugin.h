/*
 * What the TCG plugins share: the part of QEMU's interface that they use, declared here because QEMU's header is in no
 * package of Debian 12, and the files that they are given.
 *
 * `addresses` is a file of ascending uint64_t, of the host's byte order; `counters` is one that QEMU and whoever reads the
 * counters map shared, so that they outlive both guest and QEMU: as many uint64_t as there are counters, and one before
 * them.
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
#define WEAK __attribute__((weak)) /* not in both versions of the interface */
#define UNUSED __attribute__((unused))

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_scoreboard;
typedef struct {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
} qemu_plugin_u64;
enum { ADD_U64 };
enum { NO_REGS };

enum { WRITES = 2 };

typedef void (*executed_cb)(unsigned int cpu, void *data);
typedef void (*accessed_cb)(unsigned int cpu, uint32_t info, uint64_t address, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*cb)(uint64_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_atexit_cb(uint64_t id, void (*cb)(uint64_t id, void *data), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t at);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, executed_cb cb, int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, executed_cb cb, int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, accessed_cb cb, int flags, int accesses, void *data);
bool qemu_plugin_mem_is_store(uint32_t info);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
WEAK void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int op, void *counter, uint64_t n);
WEAK struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t element_size);
WEAK void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(struct qemu_plugin_insn *insn, int op,
							       qemu_plugin_u64 counter, uint64_t n);
WEAK uint64_t qemu_plugin_u64_sum(qemu_plugin_u64 counter);

EXPORT int qemu_plugin_version = 1; /* of the interface: QEMU reads it when it has loaded us */

/* Since QEMU 9 there are scoreboards, and version 1 is refused */
__attribute__((constructor)) static void choose_interface(void)
{
	if (qemu_plugin_scoreboard_new)
		qemu_plugin_version = 2;
}

UNUSED static int ascending(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return (a > b) - (a < b);
}

/* The address in an ascending list of what begins with addresses; NULL: it is not there */
UNUSED static void *find(uint64_t address, const void *list, size_t length, size_t size)
{
	return length ? bsearch(&address, list, length, size, ascending) : NULL;
}

/* The whole file, mapped; its size in words. NULL: it cannot be, and stderr says why */
static void *mapped(const char *path, bool is_shared, size_t *words)
{
	struct stat info;
	void *map = MAP_FAILED;
	int fd = open(path, is_shared ? O_RDWR : O_RDONLY);

	if (fd >= 0 && fstat(fd, &info) == 0) {
		*words = info.st_size / sizeof(uint64_t);
		map = mmap(NULL, info.st_size, is_shared ? PROT_READ | PROT_WRITE : PROT_READ,
			   is_shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
	}
	if (map == MAP_FAILED)
		perror(path);
	if (fd >= 0)
		close(fd);
	return map == MAP_FAILED ? NULL : map;
}

/* The value of an argument NAME=VALUE; empty: it is not there */
static const char *value(const char *name, int argc, char **argv)
{
	size_t length = strlen(name);

	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=')
			return argv[i] + length + 1;
	return "";
}

/*
 * The file of counters, one for each of the n addresses and `more` behind them; and the addresses. NULL: one of the files
 * cannot be mapped, or there is no room for as many counters, and stderr says it.
 */
static uint64_t *mapped_counters(int argc, char **argv, size_t more, const uint64_t **addresses, size_t *n)
{
	size_t words = 0;
	uint64_t *counters = mapped(value("counters", argc, argv), true, &words);

	*addresses = mapped(value("addresses", argc, argv), false, n);
	if (!*addresses || !counters)
		return NULL;
	if (words == 1 + *n + more)
		return counters;
	fprintf(stderr, "%zu words are no place for %zu counters\n", words, *n + more);
	return NULL;
}
