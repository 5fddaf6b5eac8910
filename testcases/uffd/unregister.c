// SPDX-License-Identifier: GPL-2.0-only
/* unregister: half of the range loses its userfaultfd, and gets it again, while faults of it sleep or are being answered.
 *
 * Oracles (claim.c): refused ever -> a fault that slept for an answer found its VMA changed, and did not start again. Zero
 * while settled as registered -> a fault used the flags from before. A toucher that sleeps for ever (hang) -> it was queued
 * behind the wake-up that unregistering is. */
#define _GNU_SOURCE
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

#include "half.h"
#include "subtests.h"

static void change(struct worker *worker)
{
	struct uffd *uffd = worker->arg;
	struct run *run = worker->run;
	struct uffdio_range half = { (uintptr_t)area_word(uffd->base, HALF, 0), HALF * page_bytes() };

	worker_share_cpu();
	while (worker_continue(worker)) {
		/* without a userfaultfd a missing page is a fresh one: zero */
		half_settle(uffd, CLAIM_RW | MAY_BE_ZERO);
		/* threads are to be on their way through missing pages, not to sleep for an answer, when it is unregistered */
		area_advise(run, (void *)(uintptr_t)half.start, HALF, MADV_DONTNEED);
		/* unregistering wakes who sleeps: that is what is asked here */
		if (ioctl(uffd->fd, UFFDIO_UNREGISTER, &half) != 0)
			run_fail_errno(run, "UFFDIO_UNREGISTER");
		area_advise(run, (void *)(uintptr_t)half.start, HALF, MADV_DONTNEED);
		rng_dither(&worker->rng);
		half_return(worker, "uffd-not-again");
		worker_did(worker);
	}
}

void unregister(struct run *run)
{
	static struct uffd uffd;
	/* each sleeps after one fault until it is answered: few would be in one when the range is unregistered */
	unsigned int touchers = run_threads_left(run, 3, 5);
	const struct role roles[] = {
		{ .name = "answerer", .body = uffd_answer, .count = 1, .arg = &uffd },
		{ .name = "changer", .body = change, .count = 1, .arg = &uffd },
		{ .name = "splitter", .body = uffd_split, .count = 1, .arg = &uffd },
		{ .name = "toucher", .body = uffd_touch, .count = touchers, .arg = &uffd },
	};

	if (!uffd_init(&uffd, run, UFFD_COPIES))
		return;
	uffd.touchers = touchers;
	uffd.touched.leaves_cpu = true;
	uffd.touched.want.always_mapped = true;
	uffd.touched.want.zero_while_changing = true;
	touched_count(run, &uffd.touched, false);
	crew_run(run, roles, COUNT_OF(roles));
}
