#define _GNU_SOURCE
#include "crew.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "words.h"

#define CREW_MAX (THREADS_MAX + 9)      /* roles that are needed are started beyond the number of threads asked for */
#define YIELD_EVERY 8
#define STACK_BYTES (256 * 1024)        /* small: many threads must not cost hundreds of MiB of address space */

struct post {
	struct worker worker;
	void (*body)(struct worker *worker);
	pthread_barrier_t *start;
	pthread_t thread;
};

static _Thread_local struct worker *self;

struct worker *crew_self(void)
{
	return self;
}

void crew_adopt(struct worker *worker)
{
	self = worker;
}

bool worker_continue(const struct worker *worker)
{
	return !run_stopping(worker->run);
}

void worker_counted(struct worker *worker)
{
	/* only this thread writes it: no locked instruction needed */
	_Atomic uint64_t *count = &worker->slot->stripe[0].count;

	atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
}

void worker_did(struct worker *worker)
{
	uint64_t count = atomic_load_explicit(&worker->slot->stripe[0].count, memory_order_relaxed);

	worker_counted(worker);
	/* Readers that only hit their TLB prove nothing, yet would keep the CPU for whole time slices while the
	 * thread that changes mappings waits for its turn: give way often. */
	if (count % YIELD_EVERY == 0)
		sched_yield();
}

/* the CPUs that the calling thread may use, and of them the first alone; false: not told */
static bool cpus(cpu_set_t *allowed, cpu_set_t *first)
{
	if (sched_getaffinity(0, sizeof(*allowed), allowed) != 0)
		return false;
	CPU_ZERO(first);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, allowed)) {
			CPU_SET(cpu, first);
			break;
		}
	}
	return true;
}

void worker_share_cpu(void)
{
	cpu_set_t allowed, first;

	if (cpus(&allowed, &first))
		sched_setaffinity(0, sizeof(first), &first);
}

void worker_leave_cpu(void)
{
	cpu_set_t allowed, first, others;

	if (!cpus(&allowed, &first))
		return;
	CPU_XOR(&others, &allowed, &first);
	if (CPU_COUNT(&others) > 0)
		sched_setaffinity(0, sizeof(others), &others);
}

static void *work(void *arg)
{
	struct post *post = arg;
	struct worker *before = self;

	self = &post->worker;
	fault_thread_begin();
	atomic_store(&post->worker.slot->thread, gettid());
	pthread_barrier_wait(post->start);
	atomic_store(&post->worker.run->board->exercising, true);
	post->body(&post->worker);
	fault_thread_end();
	atomic_store(&post->worker.slot->finished, true);
	self = before;
	return NULL;
}

static uint64_t stream_of(const char *role, unsigned int id)
{
	uint64_t hash = id + 1;

	for (; *role; role++)
		hash = hash * 131 + (unsigned char)*role;
	return hash;
}

static bool fill(struct post *post, struct run *run, const struct role *role, unsigned int id, pthread_barrier_t *start)
{
	*post = (struct post){ .body = role->body, .start = start };
	post->worker = (struct worker){
		.run = run, .role = role->name, .id = id, .arg = role->arg,
		.rng = rng_make(run->seed, stream_of(role->name, id)),
		.slot = board_slot(run->board, SLOT_WORKER, role->name, id),
	};
	return post->worker.slot != NULL;
}

void crew_run(struct run *run, const struct role *roles, size_t count)
{
	struct post posts[CREW_MAX];
	struct post *main_post = NULL;
	unsigned int filled = 0;
	pthread_barrier_t start;
	pthread_attr_t attr;

	for (size_t r = 0; r < count; r++) {
		for (unsigned int id = 0; id < roles[r].count; id++) {
			if (filled == CREW_MAX || !fill(&posts[filled], run, &roles[r], id, &start)) {
				run_fail(run, "more threads than the harness has room for");
				return;
			}
			if (roles[r].on_main)
				main_post = &posts[filled];
			filled++;
		}
	}
	pthread_barrier_init(&start, NULL, filled);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	for (unsigned int i = 0; i < filled; i++) {
		int error = &posts[i] == main_post ? 0 : pthread_create(&posts[i].thread, &attr, work, &posts[i]);

		if (error) {
			/* the others wait at the barrier for ever: leave with them */
			run_fail(run, "cannot start thread %u: %s", i, error_words(error));
			_Exit(0);
		}
	}
	if (main_post)
		work(main_post);
	for (unsigned int i = 0; i < filled; i++) {
		if (&posts[i] != main_post)
			pthread_join(posts[i].thread, NULL);
		/* An oops kills the one thread that ran into it and the join succeeds as if all were well. */
		if (!atomic_load(&posts[i].worker.slot->finished))
			run_fail(run, "thread %s/%u died before it was done", posts[i].worker.role, posts[i].worker.id);
	}
	pthread_attr_destroy(&attr);
	pthread_barrier_destroy(&start);
}
