/*
 * A TCG plugin that counts executed instructions of the kernel, and takes down how many there were whenever a CPU comes
 * by one of some addresses.
 *
 *	-plugin FILE,addresses=FILE,counters=FILE[,above=ADDRESS]
 *
 * `addresses`, `counters`: see plugin.h. The first word of the counters stays 0; the others have the sum over all CPUs
 * when the address was executed last. `above`: code from here on is
 * counted; the upper half of the address space, where the kernel lies, if nothing is said.
 *
 * Each CPU counts by itself, when it enters a translated block. A block that an exception leaves early counts as a whole:
 * that is the same for the same code. A call for each block costs time, and works with both interfaces of QEMU (see the
 * plugin for coverage).
 */
#include "plugin.h"

#define CPUS_MAX 256

static struct {
	uint64_t executed;
	char own_line[64 - sizeof(uint64_t)];
} cpus[CPUS_MAX];
static const uint64_t *addresses;
static uint64_t *counters;
static uint64_t above = 1ull << 63;
static size_t n;

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

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	uint64_t *file = mapped_counters(argc, argv, 0, &addresses, &n);

	(void)info;
	if (!file)
		return 1;
	counters = file + 1;
	if (*value("above", argc, argv))
		above = strtoull(value("above", argc, argv), NULL, 0);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
