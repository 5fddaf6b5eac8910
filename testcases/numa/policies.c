// SPDX-License-Identifier: GPL-2.0-only
/* policies: memory that nobody else uses is given policies, and then its pages.
 *
 * Oracles: get_mempolicy() tells what was set, where it was set and nowhere else, also of a second mapping of shared memory; a page
 * that is new is where its policy says, and move_pages() and get_mempolicy(MPOL_F_NODE) agree about where. That a page is on another
 * node than it is to prefer, or not on the next in turn, is no failure where a node was out of memory for somebody meanwhile.
 *
 * Rules: Documentation/admin-guide/mm/numa_memory_policy.rst ("Shared policies apply to the object", "Interleave mode indexes the set of
 * nodes specified by the policy using the page offset of the faulting address into the segment ... modulo the number of nodes"),
 * mbind(2), set_mempolicy(2), get_mempolicy(2), Documentation/admin-guide/numastat.rst (numa_miss). */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nodes.h"
#include "subtests.h"

#define PAGES 16u
#define MISPLACED_MOST 4u               /* tries in which no node was out of memory, and still a page lies elsewhere */

#define LOOKS 8                         /* a page may be moved to where it is used, between two questions */
#define MODES_MAX 8u

enum memory { ANON, SHARED_ANON, FILE_SHARED, MEMORIES };
enum by { BY_RANGE, BY_TASK };          /* mbind() before the first access; set_mempolicy() of the thread */

struct scene {
	struct run *run;
	struct rng *rng;
	struct nodes nodes;
	char *base, *twin;              /* the twin is a second mapping of a file */
	enum memory memory;
	unsigned int first, pages;      /* what has the policy; the rest has none */
	int mode, node;                 /* node -1: all of them */
	unsigned int misplaced[MODES_MAX][MEMORIES];  /* since it was not */
	struct slot *placed, *shared;
};

static const struct {
	int mode;
	const char *name;
	bool all_nodes;
} modes[] = {
	{ MPOL_BIND, "bind", false },
	{ MPOL_BIND, "bind to all", true },
	{ MPOL_PREFERRED, "prefer", false },
	{ MPOL_INTERLEAVE, "interleave", true },
	{ MPOL_INTERLEAVE, "interleave on one", false },
	{ MPOL_DEFAULT, "default", true },
};

static bool ask_policy(const struct scene *scene, const char *at, int *mode, unsigned long *mask)
{
	*mask = 0;
	if (syscall(SYS_get_mempolicy, mode, mask, 8 * sizeof(*mask) + 1, at, (unsigned long)MPOL_F_ADDR) == 0)
		return true;
	run_fail_errno(scene->run, "get_mempolicy");
	return false;
}

/* Oracle: what was set is told. "MPOL_DEFAULT: ... nodemask is empty" */
static bool policy_is(const struct scene *scene, const char *at, int mode, unsigned long mask, const char *where)
{
	unsigned long got_mask;
	int got;

	if (!ask_policy(scene, at, &got, &got_mask))
		return false;
	if (run_sabotaged(scene->run, "policy-forgotten"))
		got = MPOL_DEFAULT + 9;
	if (got == mode && got_mask == (mode == MPOL_DEFAULT ? 0 : mask))
		return true;
	run_fail(scene->run, "%s: policy %d of nodes %#lx instead of %d of %#lx", where, got, got_mask, mode, mask);
	return false;
}

static char *page_of(const struct scene *scene, unsigned int page)
{
	return scene->base + page * page_bytes();
}

static long long misses(void)
{
	long long sum = 0;
	char line[96];

	for (int node = 0; node < NODES_MAX; node++) {
		char path[64];
		FILE *file;

		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/numastat", node);
		file = fopen(path, "re");
		while (file && fgets(line, sizeof(line), file)) {
			long long count;

			if (sscanf(line, "numa_miss %lld", &count) == 1)
				sum += count;
		}
		if (file)
			fclose(file);
	}
	return sum;
}

/* Oracle: "If flags specifies both MPOL_F_NODE and MPOL_F_ADDR, get_mempolicy() will return the node ID of the node on which the address is
 * allocated": get_mempolicy(2) */
static bool told_alike(const struct scene *scene, void *page, int *status)
{
	int node = -1;

	for (int i = 0; i < LOOKS; i++) {
		if (syscall(SYS_get_mempolicy, &node, NULL, 0UL, page, (unsigned long)(MPOL_F_NODE | MPOL_F_ADDR)) != 0) {
			run_fail_errno(scene->run, "get_mempolicy, for the node");
			return false;
		}
		if (run_sabotaged(scene->run, "node-wrong"))
			node++;
		if (node == *status)
			return true;
		clock_sleep_ms(1);
		nodes_move(1, &page, NULL, status);
	}
	run_fail(scene->run, "a page is on node %d says move_pages(), on %d get_mempolicy()", *status, node);
	return false;
}

/* the node of each page that has the policy; false: the run has failed */
static bool find_nodes(const struct scene *scene, int *status)
{
	void *pages[PAGES];

	for (unsigned int i = 0; i < scene->pages; i++)
		pages[i] = page_of(scene, scene->first + i);
	if (nodes_move(scene->pages, pages, NULL, status) != 0) {
		run_fail_errno(scene->run, "move_pages, asking");
		return false;
	}
	for (unsigned int i = 0; i < scene->pages; i++)
		if (!told_alike(scene, pages[i], &status[i]))
			return false;
	return true;
}

/* The pages are where the mode says; in 'strictly' whether anything else is a failure at once. */
static bool is_placed(const struct scene *scene, const int *status, bool *strictly, char *why, size_t size)
{
	unsigned long mask = nodes_mask(&scene->nodes, scene->node);

	*strictly = scene->mode == MPOL_BIND;
	for (unsigned int i = 0; i < scene->pages; i++) {
		bool good = status[i] >= 0 && (scene->mode == MPOL_DEFAULT || mask >> status[i] & 1);

		snprintf(why, size, "page %u of %u is on node %d, nodes %#lx", i, scene->pages, status[i], mask);
		/* in turn: neighbours differ, where there are two nodes */
		if (scene->mode == MPOL_INTERLEAVE && scene->node < 0 && i > 0 && status[i] == status[i - 1])
			good = false;
		if (!good)
			return false;
	}
	return true;
}

/* false: enough of it */
static bool judge_place(struct scene *scene, long long missed_before, unsigned int which)
{
	unsigned int *misplaced = &scene->misplaced[which][scene->memory];
	int status[PAGES];
	char why[100];
	bool strictly;

	if (!find_nodes(scene, status))
		return false;
	if (run_sabotaged(scene->run, "misplaced"))
		status[0] = status[0] == scene->nodes.number[0] ? scene->nodes.number[1] : scene->nodes.number[0];
	if (is_placed(scene, status, &strictly, why, sizeof(why))) {
		*misplaced = 0;
		slot_hit(scene->placed);
		return true;
	}
	if (!strictly && (misses() != missed_before || ++*misplaced < MISPLACED_MOST))
		return true;
	run_fail(scene->run, "%s, memory %d: %s", modes[which].name, scene->memory, why);
	return false;
}

static bool map(struct scene *scene)
{
	int file = -1;
	char *got;

	if (scene->memory == FILE_SHARED) {
		file = memfd_create("policies", MFD_CLOEXEC);
		if (file < 0 || ftruncate(file, PAGES * page_bytes()) != 0) {
			run_fail_errno(scene->run, "memfd_create");
			return false;
		}
	}
	got = area_map(scene->run, scene->base, PAGES, PROT_READ | PROT_WRITE, scene->memory == ANON ? MAP_PRIVATE : MAP_SHARED, file, 0);
	if (got != MAP_FAILED && file >= 0)
		got = area_map(scene->run, scene->twin, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (file >= 0)
		close(file);
	if (got == MAP_FAILED)
		return false;
	madvise(scene->base, PAGES * page_bytes(), MADV_NOHUGEPAGE);
	return true;
}

static bool set_policy(struct scene *scene, enum by by)
{
	unsigned long mask = nodes_mask(&scene->nodes, scene->node);
	long got;

	if (by == BY_RANGE)
		got = nodes_bind(page_of(scene, scene->first), scene->pages, scene->mode, mask, 0);
	else
		got = syscall(SYS_set_mempolicy, scene->mode, scene->mode == MPOL_DEFAULT ? NULL : &mask,
			      scene->mode == MPOL_DEFAULT ? 0UL : 8 * sizeof(mask) + 1);
	if (got != 0)
		run_fail_errno(scene->run, by == BY_RANGE ? "mbind" : "set_mempolicy");
	return got == 0;
}

/* Oracle: the policy of a range is that range's alone, and shared memory's is that of each mapping of it. */
static bool ranges_agree(struct scene *scene)
{
	unsigned long mask = nodes_mask(&scene->nodes, scene->node);

	for (unsigned int i = 0; i < PAGES; i++) {
		bool has_it = i >= scene->first && i < scene->first + scene->pages;
		int mode = has_it ? scene->mode : MPOL_DEFAULT;

		if (!policy_is(scene, page_of(scene, i), mode, mask, has_it ? "in the range" : "beside the range"))
			return false;
		if (scene->memory != FILE_SHARED)
			continue;
		if (!policy_is(scene, scene->twin + i * page_bytes(), mode, mask, "by the second mapping"))
			return false;
		slot_hit(scene->shared);
	}
	return true;
}

/* false: enough of it */
static bool try_one(struct scene *scene, unsigned int which, enum by by)
{
	char *from = scene->base;
	long long before;
	bool good;

	scene->mode = modes[which].mode;
	scene->node = modes[which].all_nodes ? -1 : scene->nodes.number[rng_below(scene->rng, scene->nodes.count)];
	scene->first = by == BY_TASK ? 0 : rng_below(scene->rng, PAGES);
	scene->pages = by == BY_TASK ? PAGES : 1 + rng_below(scene->rng, PAGES - scene->first);
	if (!map(scene) || !set_policy(scene, by))
		return false;
	/* a policy that a range had and has no more leaves nothing behind */
	if (by == BY_RANGE && rng_one_in(scene->rng, 4) &&
	    (nodes_bind(page_of(scene, scene->first), scene->pages, MPOL_DEFAULT, 0, 0) != 0 || !set_policy(scene, by)))
		return false;
	good = by == BY_TASK || ranges_agree(scene);
	before = misses();
	/* the policy of shared memory counts whichever mapping is used */
	if (scene->memory == FILE_SHARED && by == BY_RANGE && rng_one_in(scene->rng, 2))
		from = scene->twin;
	for (unsigned int i = scene->first; good && i < scene->first + scene->pages; i++)
		*(volatile uint64_t *)(from + i * page_bytes()) = i + 1;
	if (by == BY_TASK && syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0UL) != 0)
		run_fail_errno(scene->run, "set_mempolicy, to the default");
	/* move_pages() asks the entries of one mapping */
	for (unsigned int i = scene->first; good && i < scene->first + scene->pages; i++) {
		if (*(volatile uint64_t *)page_of(scene, i) != i + 1) {
			run_fail(scene->run, "page %u has not what was stored", i);
			return false;
		}
	}
	return good && judge_place(scene, before, which);
}

static void set_some(struct worker *worker)
{
	struct scene *scene = worker->arg;

	scene->rng = &worker->rng;
	for (unsigned int turn = 0; worker_continue(worker); turn++) {
		scene->memory = turn % MEMORIES;
		/* all modes before anything again */
		if (!try_one(scene, turn / MEMORIES % COUNT_OF(modes), rng_one_in(scene->rng, 4) ? BY_TASK : BY_RANGE))
			return;
		worker_did(worker);
	}
}

void policies(struct run *run)
{
	static struct scene scene;
	const struct role role = { .name = "setter", .body = set_some, .count = 1, .arg = &scene };

	scene = (struct scene){ .run = run };
	if (!nodes_find(run, &scene.nodes))
		return;
	scene.base = area_reserve(run, PAGES);
	scene.twin = area_reserve(run, PAGES);
	if (!scene.base || !scene.twin)
		return;
	scene.placed = run_event(run, SLOT_REQUIRED, "placed");
	scene.shared = run_event(run, SLOT_REQUIRED, "told_twice");
	crew_run(run, &role, 1);
}
