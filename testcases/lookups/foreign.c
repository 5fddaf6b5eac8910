// SPDX-License-Identifier: GPL-2.0-only
/* foreign: the same questions about the addresses of another process, which changes and uses them, and is killed at last.
 *
 * Oracles: as in storm. When the process is gone the calls say so, and read nothing of it. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "subtests.h"
#include "world.h"

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#define QUESTIONS 400                   /* about one process */
#define QUESTIONS_OF_DEAD 60

/* what a child tells: shared memory */
struct told {
	_Atomic int uffd;               /* its number there; -1: none. 0: not told yet */
	_Atomic unsigned int at;        /* the place where it is */
};

struct zone {
	struct world world;
	struct told *told;
	struct slot *refused, *done, *dead;
};

static struct zone zone;

static void live(struct run *run, void *arg)
{
	struct worker *worker = arg;
	struct world *world = &zone.world;
	struct uffd uffd = uffd_open();

	(void)run;
	/* what the parent's armed is not armed here */
	world->desk.ours = uffd;
	atomic_store(&zone.told->uffd, uffd.fd >= 0 ? uffd.fd : -1);
	for (;;) {
		unsigned int index = rng_below(&worker->rng, world->places_count);
		struct place *place = &world->places[index];

		if (place->kind->traits & IS_ARMED_OTHER)
			continue;
		atomic_store(&zone.told->at, index);
		place_sides(place, &world->desk, &worker->rng);
		for (unsigned int i = 0; i < 8; i++) {
			write_to(place, &world->desk, &worker->rng);
			if (!(place->kind->traits & IS_VAGUE))
				place_changed(place, &worker->rng);
		}
		place_renew(place, &world->desk);
	}
}

static void answer_one(struct worker *worker, struct target *target)
{
	struct world *world = &zone.world;
	struct cell cell = {
		rng_below(&worker->rng, world->calls_count), atomic_load(&zone.told->at), rng_below(&worker->rng, SHAPES),
	};
	struct question question;
	struct answers answers;
	long got;

	if (rng_one_in(&worker->rng, 4))
		cell.place = rng_below(&worker->rng, world->places_count);
	if (!world_question(world, cell, &question))
		return;
	if (question.place->at_home || (target->uffd.fd < 0 && call_is_for_uffd(question.call)))
		return;
	question.target = target;
	question.disturbed = true;
	answers = target->dead ? answers_of_dead(&question) : answers_in_storm(&question);
	got = question.call->ask(&question);
	if (run_sabotaged(worker->run, "foreign-error-wrong") && got < 0)
		got = -EPROTO;
	if (!answers_have(&answers, got) || got == -ENOTUNIQ)
		tell_answer(worker->run, &question, got, &answers);
	slot_hit(target->dead ? zone.dead : got < 0 ? zone.refused : zone.done);
}

static void ask_child(struct worker *worker)
{
	struct target target;
	int uffd;
	pid_t pid;

	atomic_store(&zone.told->uffd, 0);
	pid = child_start(worker->run, live, worker);
	if (pid < 0)
		return;
	target_open(&target, pid);
	target.other = true;
	while ((uffd = atomic_load(&zone.told->uffd)) == 0 && worker_continue(worker))
		clock_sleep_ms(1);
	if (uffd > 0)
		target.uffd.fd = syscall(SYS_pidfd_getfd, target.pidfd, uffd, 0);
	for (unsigned int i = 0; i < QUESTIONS && worker_continue(worker); i++) {
		answer_one(worker, &target);
		worker_did(worker);
	}
	if (!run_sabotaged(worker->run, "dead-answers")) {
		kill(pid, SIGKILL);
		child_wait_killed(worker->run, pid);
	}
	target.dead = true;
	for (unsigned int i = 0; i < QUESTIONS_OF_DEAD; i++) {
		answer_one(worker, &target);
		worker_did(worker);
	}
	if (run_sabotaged(worker->run, "dead-answers")) {
		kill(pid, SIGKILL);
		child_wait_killed(worker->run, pid);
	}
	target_close(&target);
}

static void ask_children(struct worker *worker)
{
	while (worker_continue(worker))
		ask_child(worker);
}

void foreign(struct run *run)
{
	const struct role roles[] = { { .name = "asker", .body = ask_children, .count = 1 } };

	/* before the holes are made */
	zone.told = mmap(NULL, sizeof(*zone.told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (zone.told == MAP_FAILED) {
		run_fail_errno(run, "mmap");
		return;
	}
	if (!world_open(run, &zone.world, true))
		return;
	zone.refused = run_event(run, SLOT_REQUIRED, "refused");
	zone.done = run_event(run, SLOT_REQUIRED, "done");
	zone.dead = run_event(run, SLOT_REQUIRED, "asked_of_dead");
	crew_run(run, roles, COUNT_OF(roles));
}
