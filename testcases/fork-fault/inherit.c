/* inherit: mappings of each kind side by side; the child must have each as its flags say, while the parent's threads
 * fault on all of them and split and merge them.
 *
 * Oracles (in the child): a kind that is not as it should be -> a field of the VMA (flags, protection, offset, file,
 * anon_vma) was not copied, or was copied from an object in the middle of a change. In the parent: the child's
 * writes to private memory must not show. */
#define _GNU_SOURCE
#include "subtests.h"

#define EACH 4                          /* pages of a kind, one or a few VMAs */
#define WORD_OF_CHILD 500u              /* written by children only */

enum kind { ANON, READ_ONLY, NO_ACCESS, DONT_FORK, WIPED, FILE_SHARED, FILE_PRIVATE, KINDS };

#define PAGES (EACH * KINDS)

static const struct {
	int prot, flags;
	bool file;
	int advice;                     /* -1: none */
	unsigned int in_parent, in_child;
} kinds[KINDS] = {
	[ANON] = { PROT_READ | PROT_WRITE, MAP_PRIVATE, false, -1, CLAIM_RW, CLAIM_RW },
	[READ_ONLY] = { PROT_READ, MAP_PRIVATE, false, -1, CLAIM_RO, CLAIM_RO },
	[NO_ACCESS] = { PROT_NONE, MAP_PRIVATE, false, -1, CLAIM_NONE, CLAIM_NONE },
	[DONT_FORK] = { PROT_READ | PROT_WRITE, MAP_PRIVATE, false, MADV_DONTFORK, CLAIM_RW, CLAIM_NONE },
	[WIPED] = { PROT_READ | PROT_WRITE, MAP_PRIVATE, false, MADV_WIPEONFORK, CLAIM_RW, CLAIM_RW | MAY_BE_ZERO },
	[FILE_SHARED] = { PROT_READ | PROT_WRITE, MAP_SHARED, true, -1, CLAIM_RW, CLAIM_RW },
	[FILE_PRIVATE] = { PROT_READ, MAP_PRIVATE, true, -1, CLAIM_RO, CLAIM_RO },
};

struct zone {
	void *base;
	struct claim parent[PAGES], child[PAGES];
	struct touched touched, files;
};

static bool map_kind(struct run *run, struct zone *zone, enum kind kind, int fd)
{
	void *at = area_word(zone->base, kind * EACH, 0);
	int flags = kind == ANON && run_sabotaged(run, "inherit-shared") ? MAP_SHARED : kinds[kind].flags;
	unsigned int shift = kind == FILE_SHARED && run_sabotaged(run, "inherit-offset") ? 1 : 0;

	if (area_map(run, at, EACH, PROT_READ | PROT_WRITE, flags, kinds[kind].file ? fd : -1, kind * EACH + shift) ==
	    MAP_FAILED)
		return false;
	for (unsigned int page = kind * EACH; page < (kind + 1) * EACH; page++) {
		if (!kinds[kind].file)
			*area_word(zone->base, page, WORD_TAG) = tag_make(0, page, 1);
		claim_publish(&zone->parent[page], 1, kinds[kind].in_parent);
		claim_publish(&zone->child[page], 1, kinds[kind].in_child);
	}
	area_protect(run, at, EACH, kinds[kind].prot);
	if (kinds[kind].advice >= 0 && !(kind == DONT_FORK && run_sabotaged(run, "inherit-dontfork")))
		area_advise(run, at, EACH, kinds[kind].advice);
	return true;
}

static void look_as_child(struct run *run, void *arg)
{
	struct zone *zone = arg;

	for (unsigned int page = 0; page < PAGES; page++) {
		struct expected want = { .page = page };
		enum kind kind = page / EACH;
		uint64_t value;
		enum access got = claim_checked_load(run, &zone->child[page], area_word(zone->base, page, WORD_TAG), want,
						     &value);

		if (kind == WIPED && got == ACCESS_OK && value != 0)
			run_fail(run, "child: page %u should have been wiped, has %#llx", page, (unsigned long long)value);
		if (kind != FILE_SHARED)
			claim_checked_store(run, &zone->child[page], area_word(zone->base, page, WORD_OF_CHILD), page + 1);
	}
}

static void fork_often(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		child_wait(worker->run, child_start(worker->run, look_as_child, zone));
		for (unsigned int page = 0; page < PAGES; page++) {
			uint64_t value;

			if (fault_load(area_word(zone->base, page, WORD_OF_CHILD), &value) == ACCESS_OK && value != 0)
				run_fail(worker->run, "child's write to page %u came through to the parent: %#llx", page,
					 (unsigned long long)value);
		}
		worker_did(worker);
	}
}

/* splits any VMA of the zone, and merges it again: the child gets it in either state */
static void advise(struct worker *worker)
{
	struct zone *zone = worker->arg;

	while (worker_continue(worker)) {
		unsigned int page = rng_below(&worker->rng, PAGES);

		area_advise(worker->run, area_word(zone->base, page, 0), 1, MADV_DONTDUMP);
		rng_dither(&worker->rng);
		area_advise(worker->run, area_word(zone->base, page, 0), 1, MADV_DODUMP);
		worker_did(worker);
	}
}

void inherit(struct run *run)
{
	struct zone zone = { .base = area_reserve(run, PAGES) };
	const struct role roles[] = {
		{ .name = "forker", .body = fork_often, .count = 1, .arg = &zone },
		{ .name = "adviser", .body = advise, .count = 1, .arg = &zone },
		{ .name = "dropper", .body = drop_pages, .count = 1, .arg = &zone.files },
		{ .name = "toucher", .body = touch, .count = run_threads_left(run, 3, 1), .arg = &zone.touched },
	};
	int fd = area_tagged_file(run, 0, PAGES + 1, 1);

	if (!zone.base || fd < 0)
		return;
	for (enum kind kind = 0; kind < KINDS; kind++)
		if (!map_kind(run, &zone, kind, fd))
			return;
	zone.touched = (struct touched){ .base = zone.base, .pages = PAGES, .claims = zone.parent, .keeps_data = true };
	/* only file pages come back with their data after a drop */
	zone.files = (struct touched){ .base = area_word(zone.base, FILE_SHARED * EACH, 0), .pages = 2 * EACH };
	touched_count(run, &zone.touched, true);
	crew_run(run, roles, COUNT_OF(roles));
}
