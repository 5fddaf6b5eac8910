/* remap: half of the range is unmapped, mapped and registered anew while faults of it sleep or are being answered.
 *
 * Oracles (claim.c): zero while settled as registered -> a fault used the VMA from before the registration. Access
 * while settled as unmapped -> an answer (UFFDIO_COPY) put a page into a VMA that was gone. SIGSEGV while settled as
 * mapped -> the failed lookup was believed. */
#define _GNU_SOURCE
#include "half.h"
#include "subtests.h"

static void change(struct worker *worker)
{
	struct uffd *uffd = worker->arg;
	struct run *run = worker->run;
	void *at = area_word(uffd->base, HALF, 0);

	while (worker_continue(worker)) {
		half_settle(uffd, CLAIM_ANY);
		if (!run_sabotaged(run, "uffd-stays"))
			area_unmap(run, at, HALF);
		/* sleepers of the old mapping are not woken by its end */
		uffd_wake(uffd, HALF, HALF);
		half_settle(uffd, CLAIM_NONE);
		rng_dither(&worker->rng);
		half_settle(uffd, CLAIM_ANY | MAY_BE_ZERO);
		if (area_map(run, at, HALF, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
			break;
		rng_dither(&worker->rng);
		half_return(worker, "uffd-unregistered");
		worker_did(worker);
	}
}

void remap(struct run *run)
{
	static struct uffd uffd;
	unsigned int touchers = run_threads_left(run, 2, 2);
	const struct role roles[] = {
		{ .name = "answerer", .body = uffd_answer, .count = 1, .arg = &uffd },
		{ .name = "changer", .body = change, .count = 1, .arg = &uffd },
		{ .name = "toucher", .body = uffd_touch, .count = touchers, .arg = &uffd },
	};

	if (!uffd_init(&uffd, run, UFFD_COPIES))
		return;
	uffd.touchers = touchers;
	uffd.touched.want.zero_while_changing = true;
	touched_count(run, &uffd.touched, true);
	crew_run(run, roles, COUNT_OF(roles));
}
