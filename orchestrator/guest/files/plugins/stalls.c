/*
 * A TCG plugin that lets a CPU stand still now and then at chosen addresses, so that other CPUs come between.
 *
 *	-plugin FILE,addresses=FILE,counters=FILE[,seed=N]
 *
 * `addresses`, `counters`: see plugin.h. Counted is how often a CPU stood still at each address; the first word stays 0.
 *
 * For the guest this is a host that had something else to do just then: nothing in it is changed, and whatever goes wrong
 * could go wrong without us. What differs is where it happens. A CPU stands still until the others have come past some of
 * the addresses, which are those of code that may collide; not if they do nothing of the kind, because then they wait
 * for this one, or have nothing to do; and for SHARE of its time at most. Each address is to have its part of that: an
 * address that is executed all the time must leave some to one that is executed once in a while. So in each epoch none
 * may have more than all would have had in the last one if all of its addresses had had the same.
 */
#include <pthread.h>
#include <sys/prctl.h>
#include <time.h>

#include "plugin.h"

#define MAX_CPUS 1024 /* further ones never stand still */
#define SHARE 3 /* of a CPU's time, one in so many */
#define LONGEST_NS 2000000
#define IDLE_NS 300000 /* of all others: they do not come past any more */
#define SLICE_NS 20000 /* between two looks at the others */
#define EPOCH_NS 300000000
#define SLACK_NS 1000 /* of the kernel's timers: usually as long as two slices */

struct place {
	uint64_t address;
	uint64_t *stalls; /* in the file */
	uint64_t epoch, used; /* the last epoch in which a CPU came past, and the stalls in it */
};

static struct place *places;
static size_t n;
static struct {
	_Alignas(64) uint64_t random;
	uint64_t from; /* the next stall, at the earliest */
	uint64_t passed; /* places, in all */
} cpus[MAX_CPUS];
static unsigned int last_cpu;
static pthread_mutex_t turning = PTHREAD_MUTEX_INITIALIZER;
static uint64_t epoch = 1, epoch_end, quota = 1; /* stalls of a place in this epoch */
static uint64_t places_now, stalls_now; /* in this epoch */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* xorshift64 */
static uint64_t random_of(unsigned int cpu)
{
	uint64_t x = cpus[cpu].random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return cpus[cpu].random = x;
}

static uint64_t passed_by_others(unsigned int cpu)
{
	uint64_t sum = 0;

	for (unsigned int other = 0; other <= last_cpu; other++)
		if (other != cpu)
			sum += __atomic_load_n(&cpus[other].passed, __ATOMIC_RELAXED);
	return sum;
}

/* How many places the others are to come past: mostly few, sometimes what several operations come past */
static uint64_t enough(unsigned int cpu)
{
	uint64_t few = 1 + random_of(cpu) % 32;

	return few << random_of(cpu) % 4;
}

static void stand_still(unsigned int cpu, uint64_t began)
{
	uint64_t seen = passed_by_others(cpu), until = seen + enough(cpu), now = began, moved = began;

	prctl(PR_SET_TIMERSLACK, SLACK_NS);
	while (seen < until && now - began < LONGEST_NS && now - moved < IDLE_NS) {
		nanosleep(&(struct timespec){ .tv_nsec = SLICE_NS }, NULL);
		now = now_ns();

		uint64_t passed = passed_by_others(cpu);

		if (passed != seen)
			moved = now;
		seen = passed;
	}
	cpus[cpu].from = now + (SHARE - 1) * (now - began);
}

static void begin_epoch(uint64_t now)
{
	if (pthread_mutex_trylock(&turning))
		return;
	if (now >= epoch_end) {
		quota = 1 + (places_now ? stalls_now / places_now : 0);
		stalls_now = places_now = 0;
		epoch_end = now + EPOCH_NS;
		__atomic_add_fetch(&epoch, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&turning);
}

static void came_past(unsigned int cpu, void *data)
{
	struct place *place = data;
	uint64_t now = now_ns();

	if (cpu >= MAX_CPUS)
		return;
	if (cpu > last_cpu)
		last_cpu = cpu;
	__atomic_store_n(&cpus[cpu].passed, cpus[cpu].passed + 1, __ATOMIC_RELAXED);
	if (now >= epoch_end)
		begin_epoch(now);
	if (place->epoch != epoch) {
		place->epoch = epoch;
		place->used = 0;
		__atomic_add_fetch(&places_now, 1, __ATOMIC_RELAXED);
	}
	if (place->used >= quota || now < cpus[cpu].from)
		return;
	place->used++;
	__atomic_add_fetch(&stalls_now, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(place->stalls, 1, __ATOMIC_RELAXED);
	stand_still(cpu, now);
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	(void)id;
	for (size_t i = 0, all = qemu_plugin_tb_n_insns(tb); i < all; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		struct place *place = find(qemu_plugin_insn_vaddr(insn), places, n, sizeof(*places));

		if (place)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, came_past, NO_REGS, place);
	}
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	const uint64_t *addresses;
	uint64_t *counters = mapped_counters(argc, argv, 0, &addresses, &n);
	uint64_t seed = strtoull(value("seed", argc, argv), NULL, 10);

	(void)info;
	if (!counters)
		return 1;
	places = calloc(n, sizeof(*places));
	if (!places)
		return 1;
	for (size_t at = 0; at < n; at++)
		places[at] = (struct place){ .address = addresses[at], .stalls = &counters[1 + at] };
	for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++) {
		cpus[cpu].random = (seed << 10 | cpu) + 1;
		for (int turn = 0; turn < 16; turn++) /* until the bits are mixed */
			random_of(cpu);
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
