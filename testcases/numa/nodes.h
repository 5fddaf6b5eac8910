/* SPDX-License-Identifier: GPL-2.0-only */
/* Nodes, and the system calls that libc has no names for. */
#ifndef NODES_H
#define NODES_H

#include <linux/mempolicy.h>

#include "case.h"

#define NODES_MAX 8

struct nodes {
	unsigned int count;
	int number[NODES_MAX];
};

/* those that have memory; false, and the run is skipped: fewer than two, or no policies */
bool nodes_find(struct run *run, struct nodes *nodes);

/* a mask of one node, or of all */
unsigned long nodes_mask(const struct nodes *nodes, int node);

/* 0, or -1 and errno; mode MPOL_DEFAULT takes no mask */
int nodes_bind(void *at, unsigned int pages, int mode, unsigned long mask, unsigned int flags);

/* where the pages are moved to, or with 'to' NULL where they are: a node's number, or a negative errno */
long nodes_move(unsigned int count, void **pages, const int *to, int *status);

/* all pages of this process that are on one node to another */
long nodes_migrate(int from, int to);

#endif
