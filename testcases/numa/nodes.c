// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "nodes.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MASK_BITS (8 * sizeof(unsigned long))

bool nodes_find(struct run *run, struct nodes *nodes)
{
	int mode;

	*nodes = (struct nodes){ 0 };
	if (syscall(SYS_get_mempolicy, &mode, NULL, 0UL, NULL, 0UL) != 0) {
		run_skip(run, "no memory policies (CONFIG_NUMA): errno %d", errno);
		return false;
	}
	for (int node = 0; node < (int)MASK_BITS && nodes->count < NODES_MAX; node++) {
		unsigned long mask = 1UL << node;

		/* nodes without memory are refused */
		if (syscall(SYS_set_mempolicy, MPOL_BIND, &mask, MASK_BITS + 1) == 0)
			nodes->number[nodes->count++] = node;
	}
	syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0UL);
	if (nodes->count < 2)
		run_skip(run, "one node has all of the memory (numa=fake=2 makes two)");
	return nodes->count >= 2;
}

unsigned long nodes_mask(const struct nodes *nodes, int node)
{
	unsigned long mask = 0;

	if (node >= 0)
		return 1UL << node;
	for (unsigned int i = 0; i < nodes->count; i++)
		mask |= 1UL << nodes->number[i];
	return mask;
}

int nodes_bind(void *at, unsigned int pages, int mode, unsigned long mask, unsigned int flags)
{
	return syscall(SYS_mbind, at, pages * page_bytes(), mode, mode == MPOL_DEFAULT ? NULL : &mask,
		       mode == MPOL_DEFAULT ? 0UL : MASK_BITS + 1, flags);
}

long nodes_move(unsigned int count, void **pages, const int *to, int *status)
{
	return syscall(SYS_move_pages, 0, (unsigned long)count, pages, to, status, to ? MPOL_MF_MOVE : 0);
}

long nodes_migrate(int from, int to)
{
	unsigned long old = 1UL << from, new = 1UL << to;

	return syscall(SYS_migrate_pages, 0, MASK_BITS + 1, &old, &new);
}
