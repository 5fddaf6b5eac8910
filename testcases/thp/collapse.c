/* huge-collapse: small pages are put together into a huge one while threads fault on them. It takes the page table away
 * and copies, under the lock of the VMA but with the VMA still in the tree: nothing but that lock keeps a fault from
 * making a page table of its own meanwhile. cross-collapse: two processes do it at the same address and take the VMA over
 * from each other, since a reader that came by mistake has to see the lock too. Their threads only read: what they would
 * fill waits on a list of their CPU, and a collapse for the CPU, which is busy as long as a reader is held up.
 *
 * khugepaged: the kernel does it by itself, without the mmap_lock while it looks and allocates.
 *
 * Oracles: the kernel's own check that nobody filled the place (BUG in collapse_huge_page). claim.c: the pages are settled
 * all the while -> a word or tag that is lost or another page's, a refusal. */
#define _GNU_SOURCE
#include <errno.h>

#include "subtests.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25                /* Linux 6.1; glibc 2.37 */
#endif

#define STRIDE 8                        /* of the pages that are looked at */
#define PROCESSES_MAX 2

struct zone {
	struct claim claim[SMALL_MAX / STRIDE];
	char *base;
	unsigned int pages;             /* small ones, in all */
	unsigned int process, processes;        /* process: in tags */
	bool by_itself;                 /* the kernel does it, when it comes by */
	unsigned int tagged;            /* each so-manieth looked at; the others are left to whoever comes first */
	struct slot *collapsed;
	struct touched touched;
};

static void settle(struct zone *zone, uint64_t generation, unsigned int may)
{
	unsigned int fresh = may == CLAIM_NONE ? 0 : MAY_BE_ZERO;

	for (unsigned int page = 0; page < zone->pages / STRIDE; page++)
		claim_publish(&zone->claim[page], generation, may | (page % zone->tagged ? fresh : 0));
}

static bool map_small(struct worker *worker, uint64_t generation)
{
	struct zone *zone = worker->arg;
	unsigned int shift = run_sabotaged(worker->run, zone->processes > 1 ? "cross-moved" : "collapse-moved") ? 1 : 0;

	settle(zone, generation, CLAIM_ANY | MAY_BE_ZERO);
	if (area_map(worker->run, zone->base, zone->pages, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return false;
	/* where huge pages are for everybody, the first fault would make one */
	area_advise(worker->run, zone->base, zone->pages, MADV_NOHUGEPAGE);
	/* the others fault meanwhile */
	for (unsigned int page = 0; page < zone->pages / STRIDE; page += zone->tagged) {
		*area_word(zone->base, page * STRIDE, WORD_TAG) = tag_make(zone->process, page + shift, generation);
		rng_dither(&worker->rng);
	}
	settle(zone, generation, CLAIM_RW);
	return true;
}

#define KHUGEPAGED "/sys/kernel/mm/transparent_hugepage/khugepaged/"
#define PATIENCE_MS 400
#define LOOK_MS 4

/* until khugepaged has put something together, of whomever, or there is no sense in waiting any more */
static void wait_for_khugepaged(struct worker *worker)
{
	long before = sysfile_number(KHUGEPAGED "pages_collapsed", 0);

	for (unsigned int ms = 0; ms < PATIENCE_MS && worker_continue(worker); ms += LOOK_MS) {
		clock_sleep_ms(LOOK_MS);
		if (sysfile_number(KHUGEPAGED "pages_collapsed", 0) != before)
			break;
		worker_did(worker);
	}
}

/* memory may be short or in pieces, and a page may be busy: then it stays as it is */
static void collapse(struct run *run, struct zone *zone)
{
	area_advise(run, zone->base, zone->pages, MADV_HUGEPAGE);
	if (zone->by_itself)
		return;
	if (madvise(zone->base, zone->pages * page_bytes(), MADV_COLLAPSE) == 0)
		slot_hit(zone->collapsed);
	else if (errno != EAGAIN && errno != ENOMEM && errno != EBUSY)
		run_fail_errno(run, "madvise(MADV_COLLAPSE)");
}

static void collapse_and_unmap(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;

	if (zone->processes > 1)
		worker_share_cpu();
	for (uint64_t generation = 1; worker_continue(worker); generation++) {
		if (!map_small(worker, generation))
			return;
		if (run_sabotaged(run, "collapse-lost"))
			area_advise(run, zone->base, STRIDE, MADV_DONTNEED);
		collapse(run, zone);
		if (zone->by_itself)
			wait_for_khugepaged(worker);
		rng_dither(&worker->rng);
		settle(zone, generation, CLAIM_ANY);
		area_unmap(run, zone->base, zone->pages);
		settle(zone, generation, CLAIM_NONE);
		/* or it would get its own VMA back at once, and never the other process */
		clock_sleep_ms(rng_below(&worker->rng, 6));
		worker_did(worker);
	}
}

static void live(struct run *run, void *arg)
{
	struct zone *zone = arg;
	/* khugepaged is the least of all processes: many who only look would keep it from its work */
	unsigned int threads = run->threads / (zone->by_itself ? 4 : zone->processes);
	const struct role roles[] = {
		{ .name = "collapser", .body = collapse_and_unmap, .count = 1, .arg = zone },
		{ .name = "toucher", .body = touch, .count = threads > 2 ? threads - 1 : 1, .arg = &zone->touched },
	};
	struct run own = *run;

	own.seed += zone->process * UINT64_C(1000003);
	settle(zone, 0, CLAIM_NONE);
	zone->touched = (struct touched){
		.base = zone->base, .pages = zone->pages / STRIDE, .stride = STRIDE, .claims = zone->claim,
		.read_only = zone->touched.read_only, .want = { .owner = zone->process, .zero_while_changing = true },
	};
	touched_count(run, &zone->touched, false);
	crew_run(&own, roles, COUNT_OF(roles));
}

static void go(struct run *run, struct zone *zone)
{
	pid_t pids[PROCESSES_MAX];

	zone->base = reserve_huge(run, 1, &zone->pages);
	if (!zone->base)
		return;
	/* the counts are shared: made once, before there is anybody to race with */
	touched_count(run, &(struct touched){ 0 }, false);
	if (!zone->by_itself)
		zone->collapsed = run_event(run, SLOT_REQUIRED, "collapsed");
	for (zone->process = 0; zone->process < zone->processes; zone->process++)
		pids[zone->process] = child_start(run, live, zone);
	for (unsigned int i = 0; i < zone->processes; i++)
		child_wait(run, pids[i]);
}

void huge_collapse(struct run *run)
{
	/* a page that somebody has just filled cannot be moved yet */
	go(run, &(struct zone){ .processes = 1, .tagged = 1 });
}

void cross_collapse(struct run *run)
{
	go(run, &(struct zone){ .processes = PROCESSES_MAX, .tagged = 8, .touched.read_only = true });
}

void huge_khugepaged(struct run *run)
{
	struct sysfile_setting settings[] = {
		{ .path = KHUGEPAGED "scan_sleep_millisecs", .value = "1" },
		{ .path = KHUGEPAGED "alloc_sleep_millisecs", .value = "1" },
		{ .path = KHUGEPAGED "pages_to_scan", .value = "16384" },
	};

	if (!sysfile_set(settings, COUNT_OF(settings))) {
		run_skip(run, "khugepaged cannot be hurried (CAP_SYS_ADMIN): errno %d", errno);
		return;
	}
	go(run, &(struct zone){ .processes = 1, .tagged = 1, .by_itself = true });
	sysfile_restore(settings, COUNT_OF(settings));
}
