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
#include "rng.h"
#include "run.h"
#include "tag.h"
#include "toucher.h"

#define SABOTAGES_MAX 6

struct subtest {
	const char *name;
	void (*body)(struct run *run);
	/* what --self-test-fail can break in it, to prove that its oracles notice */
	const char *sabotages[SABOTAGES_MAX];
};

int case_main(int argc, char **argv, const struct subtest *subtests, size_t count);

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
