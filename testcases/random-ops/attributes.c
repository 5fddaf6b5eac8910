// SPDX-License-Identifier: GPL-2.0
/* What a mapping is told that changes nothing of what it holds: a VMA is split where it begins and
 * ends, and merged where neighbours are told the same. Kernels that do not know it refuse. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "operations.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41 /* Linux 5.17 */
#define PR_SET_VMA_ANON_NAME 0
#endif
#ifndef MADV_MERGEABLE
#define MADV_MERGEABLE 12
#define MADV_UNMERGEABLE 13
#endif

enum { POLICY_DEFAULT, POLICY_PREFERRED, POLICY_BIND, POLICY_INTERLEAVE, POLICIES };
#define POLICY_MOVES 2u /* MPOL_MF_MOVE */

static void told(struct world *world, const char *call, bool ok)
{
	if (!ok && errno != EINVAL && errno != ENOSYS)
		world_succeeded(world, call, false);
}

void do_name(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	static const char *const names[] = { NULL, "first", "second" };

	told(world, "prctl(PR_SET_VMA)",
	     prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, world_cell(world, at),
		   world_bytes(world, count), names[op->a % 3]) == 0);
}

/* Pages that are alike may become one, which a store has to make two again. */
void do_merge_alike(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	told(world, "madvise",
	     madvise(world_cell(world, at), world_bytes(world, count),
		     op_is_first(op) ? MADV_UNMERGEABLE : MADV_MERGEABLE) == 0);
}

void do_place(struct world *world, const struct op *op, unsigned int at, unsigned int count)
{
	unsigned long first_node = 1, *nodes = op->a % POLICIES == POLICY_DEFAULT ? NULL : &first_node;

	told(world, "mbind",
	     syscall(SYS_mbind, world_cell(world, at), world_bytes(world, count),
		     (long)(op->a % POLICIES), nodes, nodes ? 8 * sizeof(*nodes) : 0ul,
		     op->b % 2 ? POLICY_MOVES : 0u) == 0);
}
