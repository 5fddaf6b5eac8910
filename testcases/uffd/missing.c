/* missing: pages are dropped and come back through userfaultfd, copied with their tag or as the zero page.
 *
 * Oracles (claim.c): SIGSEGV or SIGBUS ever -> a fault met a VMA in a split without falling back. Zero on a page that
 * is always copied -> a fault was resolved as an ordinary one, by a VMA looked up without its userfaultfd. Another
 * page's tag -> the address was computed with another VMA. A toucher that sleeps for ever (hang) -> lost wake-up. */
#define _GNU_SOURCE
#include "uffd.h"
#include "subtests.h"

static void drop(struct worker *worker)
{
	struct uffd *uffd = worker->arg;

	while (worker_continue(worker)) {
		unsigned int page = rng_below(&worker->rng, UFFD_PAGES);

		area_advise(worker->run, area_word(uffd->base, page, 0), 1 + rng_below(&worker->rng, UFFD_PAGES - page),
			    MADV_DONTNEED);
		rng_dither(&worker->rng);
		worker_did(worker);
	}
}

static void go(struct run *run, enum uffd_way way)
{
	static struct uffd uffd;
	unsigned int touchers = run_threads_left(run, 3, 2);
	const struct role roles[] = {
		{ .name = "answerer", .body = uffd_answer, .count = 1, .arg = &uffd },
		{ .name = "dropper", .body = drop, .count = 1, .arg = &uffd },
		{ .name = "splitter", .body = uffd_split, .count = 1, .arg = &uffd },
		{ .name = "toucher", .body = uffd_touch, .count = touchers, .arg = &uffd },
	};

	if (!uffd_init(&uffd, run, way))
		return;
	uffd.touchers = touchers;
	uffd.touched.want.always_mapped = true;
	touched_count(run, &uffd.touched, false);
	crew_run(run, roles, COUNT_OF(roles));
}

void missing(struct run *run)
{
	go(run, UFFD_COPIES);
}

/* move: the same, but each page is moved in from another mapping that is split and merged as well: two VMAs at once.
 * Oracles: as above, and in give_move(): the page is gone where it came from. */
void move(struct run *run)
{
	go(run, UFFD_MOVES);
}

/* move-within: each page is moved in from the upper half of the same mapping, which is one VMA, or two or more while it is
 * split. Oracles: as above, and in give_move_within(). */
void move_within(struct run *run)
{
	go(run, UFFD_MOVES_WITHIN);
}
