/* exit-churn, exec-churn, kill-churn: short-lived processes exit, execute another program or are killed while one of
 * their threads is in a fault, so VMAs go back by way of exit_mmap() and the mm itself is freed. A long-lived process
 * next to them takes the VMAs over and is checked.
 *
 * Oracles: as in slots.c, in both. The crash of a mayfly, or of its exit: whoever wakes a writer after dropping a VMA
 * touches the mm of a process that is gone. A program that does not start or does not end well: execve() gave it an
 * address space with something of the old one. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "slots.h"
#include "subtests.h"

#define SPAWNERS 2
#define OWNER_RESIDENT 1u
#define OWNER_SPAWNER 2u
#define SERIAL_BITS 20          /* of tags: more stores than one mayfly lives to make */

enum end { BY_EXIT, BY_EXEC, BY_KILL };

static const char *const foreign_sabotages[] = { "mayfly-foreign-page", "exec-foreign-page", "kill-foreign-page" };

struct setup {
	void *base;
	enum end end;
	unsigned int spawner;
	int fd[1 + SPAWNERS];
};

struct life {
	struct slots slots;
	enum end end;
	struct worker toucher;
	unsigned int changes;
	struct rng rng;
};

static void *touch_till_death(void *arg)
{
	struct life *life = arg;

	fault_thread_begin();
	crew_adopt(&life->toucher);
	touch(&life->toucher);
	return NULL;
}

/* bounded, since the thread may get no CPU */
static void await_touch(const struct life *life, uint64_t before)
{
	for (unsigned int i = 0; i < 200 && slot_total(life->toucher.slot) == before; i++)
		sched_yield();
}

static void live_shortly(struct run *run, void *arg)
{
	struct life *life = arg;
	uint64_t touched = slot_total(life->toucher.slot);

	if (!child_try_thread(touch_till_death, life))
		return;         /* then without: the exit is what counts */
	/* left to chance, most are gone before their thread has touched anything */
	if (rng_one_in(&life->rng, 2))
		await_touch(life, touched);
	for (unsigned int i = 0; i < life->changes; i++) {
		slots_toggle(run, &life->slots, rng_below(&life->rng, SLOTS), &life->rng);
		rng_dither(&life->rng);
	}
	if (run_sabotaged(run, "mayfly-dies"))
		kill(getpid(), SIGABRT);
	if (life->end == BY_EXEC) {
		char *const argv[] = { "mayfly", run_sabotaged(run, "exec-fails") ? "--no-such-option" : "--list", NULL };

		execv("/proc/self/exe", argv);
		run_fail_errno(run, "execv");
	}
	/* leaves with the thread in the middle of something: child_start() calls _exit() */
}

static void spawn(struct worker *worker)
{
	const struct setup *setup = worker->arg;
	struct run *run = worker->run;
	static struct life life;
	uint64_t born = 0;

	life.toucher = *worker;
	life.toucher.role = "mayfly";
	life.toucher.arg = &life.slots.touched;
	life.end = setup->end;
	life.toucher.slot = board_slot(run->board, SLOT_WORKER, "mayfly", setup->spawner);
	while (worker_continue(worker)) {
		pid_t mayfly;

		slots_init(&life.slots, setup->base, OWNER_SPAWNER + setup->spawner, setup->fd[1 + setup->spawner]);
		if (run_sabotaged(run, foreign_sabotages[setup->end]))
			life.slots.mapped_fd = setup->fd[0];
		/* they all write to the same words of the same file, and whoever reads an older one's knows it by its number */
		life.slots.touched.first_serial = ++born << SERIAL_BITS;
		life.changes = 4 + rng_below(&worker->rng, 24);
		life.rng = rng_make(rng_next(&worker->rng), 0);
		life.toucher.rng = rng_make(rng_next(&worker->rng), 1);
		mayfly = child_start(run, live_shortly, &life);
		if (setup->end == BY_KILL && mayfly > 0) {
			/* anywhere in its life */
			for (unsigned int i = rng_below(&worker->rng, 40); i > 0; i--)
				sched_yield();
			kill(mayfly, SIGKILL);
			child_wait_killed(run, mayfly);
		} else {
			child_wait(run, mayfly);
		}
		worker_did(worker);
	}
	atomic_store(&life.toucher.slot->finished, true);
}

static void live_as_spawner(struct run *run, void *arg)
{
	const struct setup *setup = arg;
	const struct role role = { .name = "spawner", .body = spawn, .count = 1, .arg = arg, .on_main = true };
	struct run own = *run;

	own.seed += setup->spawner * UINT64_C(1000003);
	crew_run(&own, &role, 1);
}

static void live_as_resident(struct run *run, void *arg)
{
	const struct setup *setup = arg;
	struct slots slots;
	const struct role roles[] = {
		{ .name = "mapper", .body = slots_map, .count = 1, .arg = &slots },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 1 + SPAWNERS, 1), .arg = &slots.touched },
	};

	slots_init(&slots, setup->base, OWNER_RESIDENT, setup->fd[0]);
	touched_count(run, &slots.touched, true);
	crew_run(run, roles, COUNT_OF(roles));
}

static void churn(struct run *run, enum end end)
{
	struct setup setup = { .base = slots_reserve(run), .end = end };
	pid_t resident, spawners[SPAWNERS];

	for (unsigned int i = 0; i < 1 + SPAWNERS; i++)
		setup.fd[i] = area_tagged_file(run, i ? OWNER_SPAWNER + i - 1 : OWNER_RESIDENT, SLOTS_PAGES, 0);
	if (!setup.base || setup.fd[0] < 0 || setup.fd[1] < 0 || setup.fd[2] < 0)
		return;
	resident = child_start(run, live_as_resident, &setup);
	for (setup.spawner = 0; setup.spawner < SPAWNERS; setup.spawner++)
		spawners[setup.spawner] = child_start(run, live_as_spawner, &setup);
	child_wait(run, resident);
	for (unsigned int i = 0; i < SPAWNERS; i++)
		child_wait(run, spawners[i]);
}

void exit_churn(struct run *run)
{
	churn(run, BY_EXIT);
}

void exec_churn(struct run *run)
{
	churn(run, BY_EXEC);
}

void kill_churn(struct run *run)
{
	churn(run, BY_KILL);
}
