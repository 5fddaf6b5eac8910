/*
 * A TCG plugin that counts how often instructions at chosen addresses are executed, and which ways jumps go.
 *
 *	-plugin FILE,addresses=FILE,counters=FILE[,jumps=FILE,entries=FILE]
 *
 * `addresses`, `counters`: see plugin.h; behind the counters of addresses there are two for each jump.
 *
 * `jumps`: three uint64_t for each conditional jump, ascending by the first: its address, and those of the instructions
 * that are next when it is taken and when it is not; how often each was next is counted. A jump is remembered by its
 * CPU until the CPU comes to an instruction that one of the jumps may lead to: if it is one of this jump's, it went
 * there. Between the two an interrupt may come, and the CPU may go on with another thread, so jumps are forgotten at
 * `entries`, ascending uint64_t, where interrupts, exceptions and system calls enter the kernel. Such a jump is not
 * counted: of a way that was never gone nothing is ever counted. Callbacks do this, in every QEMU alike; each adds for
 * itself, so no counts are lost between CPUs.
 *
 * Up to QEMU 8 an inline operation can add to any memory, so the counters are right in the file, and the first word stays
 * 0. Two CPUs may then lose counts to each other: what differs was hit, how often is "at least". Since QEMU 9 inline
 * operations add to scoreboards, which have an element for each CPU and lie in QEMU's own memory. A thread copies their
 * sums to the file all the time; the first word counts the copies. Which of both this QEMU has shows when it loads us.
 */
#include <pthread.h>
#include <time.h>

#include "plugin.h"

#define COPY_EVERY_NS 10000000
#define MAX_CPUS 1024 /* jumps of further ones are not counted */
#define IDLE_SHARE 50 /* of its time for one of copying: many counters are copied less often */

struct jump {
	uint64_t address, taken, not_taken;
};

static const uint64_t *addresses;
static uint64_t *copies, *counters, (*ways)[2]; /* in the file; of a jump: taken, not taken */
static size_t n;
static const struct jump *jumps;
static size_t n_jumps;
static uint64_t *ends; /* what jumps may lead to, ascending */
static const uint64_t *entries;
static size_t n_entries;
static struct {
	_Alignas(64) const struct jump *jump;
} last[MAX_CPUS]; /* of each CPU; NULL: none, or it has been seen where it went */
static struct qemu_plugin_scoreboard *score; /* NULL: this QEMU has none */
static pthread_mutex_t copying = PTHREAD_MUTEX_INITIALIZER;

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

static void jumps_now(unsigned int cpu, void *jump)
{
	if (cpu < MAX_CPUS)
		last[cpu].jump = jump;
}

static void came_to(unsigned int cpu, void *end)
{
	const struct jump *jump = cpu < MAX_CPUS ? last[cpu].jump : NULL;
	uint64_t address = *(uint64_t *)end;

	if (!jump)
		return;
	last[cpu].jump = NULL;
	if (address == jump->taken || address == jump->not_taken)
		__atomic_add_fetch(&ways[jump - jumps][address == jump->not_taken], 1, __ATOMIC_RELAXED);
}

static void forget(unsigned int cpu, void *unused)
{
	(void)unused;
	if (cpu < MAX_CPUS)
		last[cpu].jump = NULL;
}

/* The order matters: a jump may be what another one leads to, or itself */
static void watch(struct qemu_plugin_insn *insn, uint64_t address)
{
	const void *end = find(address, ends, 2 * n_jumps, sizeof(*ends));
	const void *jump = find(address, jumps, n_jumps, sizeof(*jumps));

	if (end)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, came_to, NO_REGS, (void *)end);
	if (jump)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, jumps_now, NO_REGS, (void *)jump);
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	if (find(qemu_plugin_tb_vaddr(tb), entries, n_entries, sizeof(*entries)))
		qemu_plugin_register_vcpu_tb_exec_cb(tb, forget, NO_REGS, NULL);
	for (size_t i = 0, all = qemu_plugin_tb_n_insns(tb); i < all; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t address = qemu_plugin_insn_vaddr(insn);
		const uint64_t *at = find(address, addresses, n, sizeof(*addresses));

		if (at)
			count(insn, at - addresses);
		watch(insn, address);
	}
}

/* What jumps lead to; false: no memory */
static bool find_ends(void)
{
	ends = calloc(2 * n_jumps, sizeof(*ends));
	for (size_t at = 0; ends && at < n_jumps; at++) {
		ends[2 * at] = jumps[at].taken;
		ends[2 * at + 1] = jumps[at].not_taken;
	}
	if (ends)
		qsort(ends, 2 * n_jumps, sizeof(*ends), ascending);
	return ends;
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	const char *of_jumps = value("jumps", argc, argv);
	size_t of_file = 0;
	pthread_t copier;

	(void)info;
	if (*of_jumps) {
		jumps = mapped(of_jumps, false, &of_file);
		n_jumps = of_file * sizeof(uint64_t) / sizeof(*jumps);
		entries = mapped(value("entries", argc, argv), false, &n_entries);
		if (!jumps || !entries || !find_ends())
			return 1;
	}
	copies = mapped_counters(argc, argv, 2 * n_jumps, &addresses, &n);
	if (!copies)
		return 1;
	counters = copies + 1;
	ways = (void *)(counters + n);
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
