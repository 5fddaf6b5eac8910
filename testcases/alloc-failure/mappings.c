/* shared, private: the calls that make, change, move and remove mappings, each with its first, second, ... allocation
 * failing, while other threads fault on what they are about. A failed munmap() or mmap() has split and detached VMAs by then.
 *
 * Oracles: attempt.c looks at the pages of the call; touchers at all, by the claims (claim.c): SIGSEGV or a wrong page
 * although settled -> a VMA was not put back, or with wrong limits. A toucher that never comes back (hang) -> a VMA is
 * in the tree and can never be locked. What is lost only shows in the slab counts of the guest's supervisor. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "attempt.h"
#include "subtests.h"

static void *part(struct zone *zone)
{
	return area_word(zone->base, zone->first, 0);
}

static size_t part_bytes(const struct zone *zone)
{
	return zone->count * page_bytes();
}

static bool is_anonymous(const struct zone *zone)
{
	return zone->fd < 0;
}

/* a VMA that ends in the middle of the part: there is more than one to take out of the tree */
static void split_part(struct zone *zone)
{
	area_advise(zone->run, part(zone), zone->border - zone->first, MADV_DONTDUMP);
}

static void *map_part(struct zone *zone, int prot)
{
	int flags = MAP_FIXED | (is_anonymous(zone) ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED);

	return mmap(part(zone), part_bytes(zone), prot, flags, zone->fd, is_anonymous(zone) ? 0 : zone->first * page_bytes());
}

static bool unmap_fails(struct zone *zone, unsigned int nth)
{
	bool failed;

	zone_whole(zone);
	split_part(zone);
	zone_announce(zone, zone->first, zone->count);
	attempt_begin(zone, nth);
	failed = !attempt_is_skipped(zone) && munmap(part(zone), part_bytes(zone)) != 0;
	return attempt_end(zone, failed, zone->first, zone->count, SEEN_RW, SEEN_HOLE);
}

static bool fill_fails(struct zone *zone, unsigned int nth, int prot)
{
	bool failed;

	zone_whole(zone);
	zone_announce(zone, zone->first, zone->count);
	area_unmap(zone->run, part(zone), zone->count);
	zone_settle(zone, zone->first, zone->count, SEEN_HOLE);
	zone_announce(zone, zone->first, zone->count);
	attempt_begin(zone, nth);
	failed = !attempt_is_skipped(zone) && map_part(zone, prot) == MAP_FAILED;
	return attempt_end(zone, failed, zone->first, zone->count, SEEN_HOLE, is_anonymous(zone) ? SEEN_ZERO : SEEN_RW);
}

/* into a hole, unlike what is around it: a VMA of its own */
static bool map_fails(struct zone *zone, unsigned int nth)
{
	return fill_fails(zone, nth, PROT_READ | PROT_WRITE | PROT_EXEC);
}

/* Into a hole between its like. When it cannot be merged for want of memory it becomes a VMA of its own. */
static bool map_to_merge_fails(struct zone *zone, unsigned int nth)
{
	return fill_fails(zone, nth, PROT_READ | PROT_WRITE);
}

/* Over what is there. A failure can come when the old pages are gone already: then a hole is left, of all of it. */
static bool map_over_fails(struct zone *zone, unsigned int nth)
{
	bool failed;

	zone_whole(zone);
	split_part(zone);
	zone_announce(zone, zone->first, zone->count);
	attempt_begin(zone, nth);
	failed = !attempt_is_skipped(zone) &&
		 map_part(zone, is_anonymous(zone) ? PROT_READ | PROT_WRITE : PROT_READ) == MAP_FAILED;
	return attempt_end(zone, failed, zone->first, zone->count, SEEN_RW | SEEN_HOLE,
			   is_anonymous(zone) ? SEEN_ZERO : SEEN_RO);
}

static bool protect_fails(struct zone *zone, unsigned int nth)
{
	bool failed;

	zone_whole(zone);
	zone_announce(zone, zone->first, zone->count);
	attempt_begin(zone, nth);
	failed = !attempt_is_skipped(zone) && mprotect(part(zone), part_bytes(zone), PROT_READ) != 0;
	return attempt_end(zone, failed, zone->first, zone->count, SEEN_RW, SEEN_RO);
}

/* back again: what was three VMAs becomes one */
static bool unprotect_fails(struct zone *zone, unsigned int nth)
{
	bool failed;

	zone_whole(zone);
	zone_announce(zone, zone->first, zone->count);
	area_protect(zone->run, part(zone), zone->count, PROT_READ);
	zone_settle(zone, zone->first, zone->count, SEEN_RO);
	zone_announce(zone, zone->first, zone->count);
	attempt_begin(zone, nth);
	failed = !attempt_is_skipped(zone) && mprotect(part(zone), part_bytes(zone), PROT_READ | PROT_WRITE) != 0;
	return attempt_end(zone, failed, zone->first, zone->count, SEEN_RO, SEEN_RW);
}

/* Nothing that anybody can see changes, whether it works or not: the claims are not even touched. */
static bool advise_fails(struct zone *zone, unsigned int nth)
{
	bool failed, hit;

	zone_whole(zone);
	attempt_begin(zone, nth);
	failed = madvise(part(zone), part_bytes(zone), MADV_DONTDUMP) != 0;
	hit = attempt_end(zone, failed, zone->first, zone->count, SEEN_RW, SEEN_RW);
	if (hit)
		return true;
	attempt_begin(zone, nth);
	failed = madvise(part(zone), part_bytes(zone), MADV_DODUMP) != 0;
	return attempt_end(zone, failed, zone->first, zone->count, SEEN_RW, SEEN_RW);
}

/* Away, and back the plain way. When the old place cannot be unmapped in the end, the kernel (move_vma()) reports
 * success and leaves an empty VMA there. */
static bool move_fails(struct zone *zone, unsigned int nth)
{
	void *target = area_word(zone->away, zone->first, 0);
	enum seen seen;
	bool failed, hit;

	zone_whole(zone);
	zone_announce(zone, zone->first, zone->count);
	attempt_begin(zone, nth);
	failed = !attempt_is_skipped(zone) &&
		 mremap(part(zone), part_bytes(zone), part_bytes(zone), MREMAP_MAYMOVE | MREMAP_FIXED, target) == MAP_FAILED;
	hit = attempt_end(zone, failed, zone->first, zone->count, SEEN_RW,
			  SEEN_HOLE | (is_anonymous(zone) ? SEEN_ZERO : SEEN_RW));
	seen = zone_look(zone, zone->away, zone->first, zone->count);
	if (seen != (failed ? SEEN_HOLE : SEEN_RW))
		run_fail(zone->run, "mremap() %s, and where it was to go is %s", failed ? "failed" : "succeeded",
			 seen_name(seen));
	area_unmap(zone->run, target, zone->count);
	return hit;
}

/* in place, into a hole behind, to the VMA behind the hole */
static bool enlarge_fails(struct zone *zone, unsigned int nth)
{
	unsigned int first = zone->first + 1, count = zone->count - 1;
	bool failed;

	zone_whole(zone);
	zone_announce(zone, first, count);
	area_unmap(zone->run, area_word(zone->base, first, 0), count);
	zone_settle(zone, first, count, SEEN_HOLE);
	zone_announce(zone, first, count);
	attempt_begin(zone, nth);
	failed = !attempt_is_skipped(zone) && mremap(part(zone), page_bytes(), part_bytes(zone), 0) == MAP_FAILED;
	return attempt_end(zone, failed, first, count, SEEN_HOLE, is_anonymous(zone) ? SEEN_ZERO : SEEN_RW);
}

/* A page fault that gets no memory is tried again until it does: the access must succeed. The first of a fresh anonymous VMA
 * needs an anon_vma and a page; what a file has needs nothing. */
static bool fault_fails(struct zone *zone, unsigned int nth)
{
	uint64_t *word = area_word(zone->base, zone->first, WORD_TAG);
	enum access got;
	bool hit;

	zone_fresh(zone);
	attempt_begin(zone, nth);
	got = fault_store(word, tag_make(0, zone->first, zone->generation));
	hit = attempt_end_unseen(zone, false);
	if (run_sabotaged(zone->run, "fault-refused"))
		got = ACCESS_SEGV;
	if (got != ACCESS_OK)
		run_fail(zone->run, "page fault %p with allocation %u failing: %s", (void *)word, nth, access_name(got));
	zone_tag(zone);
	return hit;
}

static struct operation calls[] = {
	{ .name = "munmap", .attempt = unmap_fails, .takes_more = true },
	{ .name = "mmap", .attempt = map_fails, .takes_more = true },
	{ .name = "mmap_merged", .attempt = map_to_merge_fails, .never_fails = true },
	{ .name = "mmap_over", .attempt = map_over_fails, .takes_more = true },
	{ .name = "mprotect", .attempt = protect_fails, .takes_more = true },
	{ .name = "mprotect_back", .attempt = unprotect_fails, .takes_more = true },
	{ .name = "madvise", .attempt = advise_fails, .takes_more = true },
	{ .name = "mremap_move", .attempt = move_fails },
	{ .name = "mremap_grow", .attempt = enlarge_fails },
	{ .name = "fault", .attempt = fault_fails, .never_fails = true },
};

/* the last one is about anonymous memory */
static size_t calls_of(const struct zone *zone)
{
	return is_anonymous(zone) ? COUNT_OF(calls) : COUNT_OF(calls) - 1;
}

static void inject(struct worker *worker)
{
	operations_sweep(worker, worker->arg, calls, calls_of(worker->arg), 1);
}

static void go(struct run *run, bool anonymous)
{
	static struct zone zone;
	const struct role roles[] = {
		{ .name = "injector", .body = inject, .count = 1, .arg = &zone },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 1, 2), .arg = &zone.touched },
	};

	if (!inject_available(run) || !zone_init(&zone, run, anonymous))
		return;
	zone_whole(&zone);
	operations_count(run, calls, calls_of(&zone));
	touched_count(run, &zone.touched, true);
	crew_run(run, roles, COUNT_OF(roles));
}

void shared(struct run *run)
{
	go(run, false);
}

void private(struct run *run)
{
	go(run, true);
}
