/* pin: a page is put into a pipe without a copy (vmsplice), which pins it; then its mapping is replaced, and the
 * neighbours' VMAs split and merge. The page in the pipe must be the one that was mapped when it was pinned.
 *
 * Oracle: what comes out of the pipe is the tag that the page had. Another tag -> the page was looked up by another VMA,
 * or its page table entry was changed under the lookup. Zero -> it was freed, or never was the one written to. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "subtests.h"

#define EACH 6                          /* pages of each pinner */
#define PINNERS 3
#define PAGES (EACH * PINNERS)

struct zone {
	void *base;
};

/* the rest of the stretch: VMAs that come and go around the page */
static void disturb(struct worker *worker, unsigned int first)
{
	struct zone *zone = worker->arg;
	unsigned int page = first + rng_below(&worker->rng, EACH);

	if (rng_one_in(&worker->rng, 2)) {
		area_protect(worker->run, area_word(zone->base, page, 0), 1, PROT_READ);
		area_protect(worker->run, area_word(zone->base, page, 0), 1, PROT_READ | PROT_WRITE);
	} else {
		area_advise(worker->run, area_word(zone->base, page, 0), 1, MADV_DONTNEED);
	}
}

static bool pin_page(struct run *run, int to, uint64_t *word)
{
	struct iovec page = { .iov_base = word, .iov_len = page_bytes() };

	if (vmsplice(to, &page, 1, 0) == (ssize_t)page_bytes())
		return true;
	run_fail_errno(run, "vmsplice");
	return false;
}

static void check(struct run *run, int from, uint64_t tag)
{
	uint64_t out[8192] = { 0 };

	if (read(from, out, page_bytes()) != (ssize_t)page_bytes())
		run_fail_errno(run, "reading the pinned page");
	else if (out[WORD_TAG] != tag)
		run_fail(run, "the pinned page had %#llx, came out as %#llx", (unsigned long long)tag,
			 (unsigned long long)out[WORD_TAG]);
}

static void pin_often(struct worker *worker)
{
	struct zone *zone = worker->arg;
	struct run *run = worker->run;
	unsigned int first = worker->id * EACH;
	int ends[2];

	if (page_bytes() > sizeof(uint64_t[8192]) || pipe2(ends, O_CLOEXEC) != 0) {
		run_fail_errno(run, "pipe");
		return;
	}
	for (uint64_t generation = 1; worker_continue(worker); generation++) {
		unsigned int page = first + rng_below(&worker->rng, EACH);
		uint64_t *word = area_word(zone->base, page, WORD_TAG);
		uint64_t tag = tag_make(worker->id, page, generation);

		*(volatile uint64_t *)word = tag;
		if (run_sabotaged(run, "pin-refused"))
			area_unmap(run, word, 1);
		if (!pin_page(run, ends[1], run_sabotaged(run, "pin-other-page") ? area_word(zone->base, first, 1) : word))
			break;
		/* from here on the page belongs to the pipe alone */
		if (area_map(run, word, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
			break;
		*(volatile uint64_t *)word = 1;
		disturb(worker, first);
		rng_dither(&worker->rng);
		check(run, ends[0], tag);
		worker_did(worker);
	}
	close(ends[0]);
	close(ends[1]);
}

void pin(struct run *run)
{
	struct zone zone = { .base = area_reserve(run, PAGES) };
	struct touched splits = { .base = zone.base, .pages = PAGES };
	const struct role roles[] = {
		{ .name = "pinner", .body = pin_often, .count = PINNERS, .arg = &zone },
		{ .name = "splitter", .body = split_pages, .count = 1, .arg = &splits },
	};

	if (!zone.base || area_map(run, zone.base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) == MAP_FAILED)
		return;
	crew_run(run, roles, COUNT_OF(roles));
}
