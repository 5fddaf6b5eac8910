/*
 * A TCG plugin that counts how often instructions at chosen addresses are executed.
 *
 *	-plugin FILE,addresses=FILE,counters=FILE
 *
 * `addresses`: ascending uint64_t, of the host's byte order. `counters`: a file of as many uint64_t and one before them;
 * QEMU and whoever reads the counters map it shared, so that they outlive both guest and QEMU.
 *
 * Up to QEMU 8 an inline operation can add to any memory, so the counters are right in the file, and the first word stays
 * 0. Two CPUs may then lose counts to each other: what differs was hit, how often is "at least". Since QEMU 9 inline
 * operations add to scoreboards, which have an element for each CPU and lie in QEMU's own memory. A thread copies their
 * sums to the file all the time; the first word counts the copies. Which of both this QEMU has shows when it loads us.
 *
 * QEMU's header is in no package of Debian 12, so what is needed of it is declared here.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define WEAK __attribute__((weak)) /* one of the two interfaces is not there */
#define COPY_EVERY_NS 10000000
#define IDLE_SHARE 50 /* of its time for one of copying: many counters are copied less often */

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_scoreboard;
typedef struct {
	struct qemu_plugin_scoreboard *score;
	size_t offset;
} qemu_plugin_u64;
enum { ADD_U64 };

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*cb)(uint64_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_atexit_cb(uint64_t id, void (*cb)(uint64_t id, void *data), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t at);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
WEAK void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn, int op, void *counter, uint64_t n);
WEAK struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t element_size);
WEAK void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(struct qemu_plugin_insn *insn, int op,
							       qemu_plugin_u64 counter, uint64_t n);
WEAK uint64_t qemu_plugin_u64_sum(qemu_plugin_u64 counter);

EXPORT int qemu_plugin_version = 1; /* of the interface: QEMU reads it when it has loaded us */

static const uint64_t *addresses;
static uint64_t *copies, *counters; /* in the file */
static size_t n;
static struct qemu_plugin_scoreboard *score; /* NULL: this QEMU has none */
static pthread_mutex_t copying = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void choose_interface(void)
{
	if (qemu_plugin_scoreboard_new)
		qemu_plugin_version = 2;
}

static qemu_plugin_u64 on_scoreboard(size_t at)
{
	return (qemu_plugin_u64){ score, at * sizeof(uint64_t) };
}

static void copy(void)
{
	pthread_mutex_lock(&copying);
	for (size_t at = 0; at < n; at++)
		counters[at] = qemu_plugin_u64_sum(on_scoreboard(at));
	__atomic_add_fetch(copies, 1, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&copying);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void *copy_forever(void *unused)
{
	for (;;) {
		uint64_t began = now_ns();

		copy();

		uint64_t pause = IDLE_SHARE * (now_ns() - began);

		if (pause < COPY_EVERY_NS)
			pause = COPY_EVERY_NS;
		nanosleep(&(struct timespec){ .tv_sec = pause / 1000000000, .tv_nsec = pause % 1000000000 }, NULL);
	}
	return unused;
}

static void copy_last(uint64_t id, void *unused)
{
	(void)id, (void)unused;
	copy();
}

static void count(struct qemu_plugin_insn *insn, size_t at)
{
	if (score)
		qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(insn, ADD_U64, on_scoreboard(at), 1);
	else
		qemu_plugin_register_vcpu_insn_exec_inline(insn, ADD_U64, &counters[at], 1);
}

/* Where the address stands, or would stand, in the list */
static size_t place(uint64_t address)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (addresses[middle] < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0, all = qemu_plugin_tb_n_insns(tb); i < all; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t address = qemu_plugin_insn_vaddr(insn);
		size_t at = place(address);

		if (at < n && addresses[at] == address)
			count(insn, at);
	}
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
	pthread_t copier;

	(void)info;
	addresses = mapped(value("addresses", argc, argv), false, &n);
	copies = mapped(value("counters", argc, argv), true, &words);
	if (!addresses || !copies)
		return 1;
	if (words != n + 1) {
		fprintf(stderr, "%zu words are no place for %zu counters\n", words, n);
		return 1;
	}
	counters = copies + 1;
	if (qemu_plugin_scoreboard_new) {
		score = qemu_plugin_scoreboard_new(n * sizeof(uint64_t));
		copy();
		if (pthread_create(&copier, NULL, copy_forever, NULL))
			return 1;
		qemu_plugin_register_atexit_cb(id, copy_last, NULL);
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
