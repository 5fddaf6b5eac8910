// SPDX-License-Identifier: GPL-2.0-only
/* vfork: a child that borrows its parent's address space maps, unmaps and writes there, and then exits or becomes another
 * program, while the parent's other threads fault on the same pages.
 *
 * Oracles: claim.c, for the threads: what the child did is what its claims say. What the child wrote is there for the
 * parent when it goes on: the mm_struct that the child gave back is still the parent's, whole. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "subtests.h"

#define PAGES 12

struct zone {
	struct run *run;
	void *base;
	uint64_t generation;
	struct claim claim[PAGES];
	struct touched touched;
	struct slot *execs;
};

/* In the child, in the parent's memory: no allocation, and nothing that the parent's stack needs is changed. */
static void remap(struct zone *zone, unsigned int first, unsigned int count)
{
	void *at = area_word(zone->base, first, 0);
	struct claim *claims = &zone->claim[first];

	claims_update(claims, count, CLAIM_ANY | MAY_BE_ZERO);
	area_unmap(zone->run, at, count);
	claims_publish(claims, count, zone->generation, CLAIM_NONE);
	claims_publish(claims, count, zone->generation, CLAIM_ANY | MAY_BE_ZERO);
	area_map(zone->run, at, count, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0);
	for (unsigned int page = first; page < first + count; page++)
		*(volatile uint64_t *)area_word(zone->base, page, WORD_TAG) = tag_make(0, page, zone->generation);
	claims_update(claims, count, CLAIM_RW);
	if (run_sabotaged(zone->run, "childs-lost"))
		area_advise(zone->run, at, count, MADV_DONTNEED);
	if (run_sabotaged(zone->run, "childs-hole"))
		area_unmap(zone->run, at, 1);
}

static void become_another(void)
{
	static char *const argv[] = { (char *)"exit-faults", (char *)"--list", NULL }, *const envp[] = { NULL };

	dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
	execve("/proc/self/exe", argv, envp);
	_exit(3);
}

static void borrow(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		unsigned int first = rng_below(&worker->rng, PAGES), count = 1 + rng_below(&worker->rng, PAGES - first);
		bool execs = rng_one_in(&worker->rng, 8);
		pid_t child;

		zone->generation++;
		child = vfork();
		if (child == 0) {
			remap(zone, first, count);
			if (execs)
				become_another();
			_exit(0);
		}
		if (child < 0) {
			run_fail_errno(worker->run, "vfork");
			break;
		}
		for (unsigned int page = first; page < first + count; page++) {
			uint64_t value = 0;

			if (fault_load(area_word(zone->base, page, WORD_TAG), &value) != ACCESS_OK ||
			    value != tag_make(0, page, zone->generation))
				run_fail(worker->run, "page %u, which a vfork child mapped, has %#llx instead of number %llu", page,
					 (unsigned long long)value, (unsigned long long)zone->generation);
		}
		child_wait(worker->run, child);
		if (execs)
			slot_hit(zone->execs);
		worker_did(worker);
	}
}

void share(struct run *run)
{
	static struct zone zone;
	const struct role roles[] = {
		{ .name = "borrower", .body = borrow, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 1, 2), .arg = &zone.touched },
	};

	zone = (struct zone){ .run = run, .base = area_reserve(run, PAGES), .generation = 1 };
	if (!zone.base || area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	area_tag(zone.base, PAGES, 0, 1);
	claims_publish(zone.claim, PAGES, 1, CLAIM_RW);
	zone.touched = (struct touched){
		.base = zone.base, .pages = PAGES, .claims = zone.claim, .want.zero_while_changing = true,
	};
	touched_count(run, &zone.touched, false);
	zone.execs = run_event(run, SLOT_REQUIRED, "execs");
	crew_run(run, roles, COUNT_OF(roles));
}
