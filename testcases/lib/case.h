/* A test case is a table of subtests and "return case_main(...)". This header brings all of the harness. */
#ifndef CASE_H
#define CASE_H

#include <stddef.h>
#include <stdint.h>

#include "area.h"
#include "child.h"
#include "claim.h"
#include "clock.h"
#include "crew.h"
#include "fault.h"
#include "remapper.h"
#include "rng.h"
#include "run.h"
#include "sysfile.h"
#include "tag.h"
#include "toucher.h"

#define SABOTAGES_MAX 16
#define MOVES_MAX 3
#define NAMES_MAX 4

struct subtest {
	const char *name;
	void (*body)(struct run *run);
	/* what --self-test-fail can break in it, to prove that its oracles notice */
	const char *sabotages[SABOTAGES_MAX];
	/* what --set can set for it */
	const char *settings[NAMES_MAX];
	/* Counters of /proc/vmstat that must move besides vma_lock_success, or it did not exercise what it is there for.
	 * For what a subtest is built to provoke. A kernel that lacks a counter is not asked for it. */
	const char *moves[MOVES_MAX];
	/* Of all page faults of the guest, so many percent must have been served under the lock of their VMA. For what
	 * nothing contends for: a kernel that mostly falls back to mmap_lock is right, and of no use. */
	unsigned int locked_percent;
	bool no_faults;                 /* does not even ask for vma_lock_success: proves something else */
};

int case_main(int argc, char **argv, const struct subtest *subtests, size_t count);

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
