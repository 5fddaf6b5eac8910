// SPDX-License-Identifier: GPL-2.0-only
/* secret: pages of memfd_secret() are not in the kernel's own mapping. They are mapped again and again, their VMA is split, and
 * threads use them, while others ask the kernel to read them.
 *
 * Oracles: the pages keep what was written to them (toucher.c). What the kernel is asked to read of them, for this process
 * and for others, it refuses, always: a lookup that took another VMA, or pinned a page past the check, tells the secret. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "subtests.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

#define PAGES 8

struct zone {
	struct run *run;
	int file;
	void *base, *open;              /* the secret, and a page of no secret */
	struct claim claim[PAGES];
	struct touched touched;
	struct slot *refused, *told;
};

static void ask_on(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		unsigned int page = rng_below(&worker->rng, PAGES);
		bool secret = !run_sabotaged(worker->run, "secret-told") && rng_one_in(&worker->rng, 2);
		uint64_t value = 0;
		struct iovec here = { &value, sizeof(value) };
		struct iovec there = { secret ? area_word(zone->base, page, WORD_TAG) : zone->open, sizeof(value) };
		bool told = process_vm_readv(getpid(), &here, 1, &there, 1, 0) == (ssize_t)sizeof(value);

		if (run_sabotaged(worker->run, "secret-told"))
			secret = true;
		if (told && secret)
			run_fail(worker->run, "the kernel read %#llx from page %u, which is secret", (unsigned long long)value, page);
		if (!secret && (!told || value != tag_make(1, 0, 0)))
			run_fail(worker->run, "the kernel read %#llx from a page that is not secret", (unsigned long long)value);
		slot_hit(told ? zone->told : zone->refused);
		worker_did(worker);
	}
}

static void change(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		unsigned int page = rng_below(&worker->rng, PAGES);
		void *at = area_word(zone->base, page, 0);

		if (run_sabotaged(worker->run, "secret-lost"))
			*(volatile uint64_t *)at = 0;
		/* the same page in the place of itself: never refused */
		area_map(worker->run, at, 1, PROT_READ | PROT_WRITE, MAP_SHARED, zone->file, page);
		rng_dither(&worker->rng);
		area_advise(worker->run, at, 1, MADV_RANDOM);
		rng_dither(&worker->rng);
		area_advise(worker->run, at, 1, MADV_NORMAL);
		worker_did(worker);
	}
}

void secret(struct run *run)
{
	static struct zone zone;
	const struct role roles[] = {
		{ .name = "changer", .body = change, .count = 1, .arg = &zone },
		{ .name = "asker", .body = ask_on, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 2, 2), .arg = &zone.touched },
	};

	zone = (struct zone){ .run = run, .file = syscall(SYS_memfd_secret, 0) };
	if (zone.file < 0 || ftruncate(zone.file, PAGES * page_bytes()) != 0) {
		run_skip(run, "no memfd_secret() (CONFIG_SECRETMEM): errno %d", errno);
		return;
	}
	zone.base = area_reserve(run, PAGES);
	zone.open = area_reserve(run, 1);
	if (!zone.base || !zone.open ||
	    mmap(zone.base, PAGES * page_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, zone.file, 0) == MAP_FAILED) {
		run_skip(run, "secret memory cannot be mapped: errno %d", errno);
		return;
	}
	area_map(run, zone.open, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0);
	*area_word(zone.open, 0, WORD_TAG) = tag_make(1, 0, 0);
	area_tag(zone.base, PAGES, 0, 1);
	claims_publish(zone.claim, PAGES, 1, CLAIM_RW);
	zone.touched = (struct touched){
		.base = zone.base, .pages = PAGES, .claims = zone.claim, .keeps_data = true, .want.always_mapped = true,
	};
	zone.refused = run_event(run, SLOT_REQUIRED, "refused");
	zone.told = run_event(run, SLOT_REQUIRED, "read_of_others");
	touched_count(run, &zone.touched, false);
	crew_run(run, roles, COUNT_OF(roles));
}
