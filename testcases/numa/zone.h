/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages that keep what is written to them, wherever they are. */
#ifndef ZONE_H
#define ZONE_H

#include "nodes.h"

#define PAGES 24

struct zone {
	struct run *run;
	struct nodes nodes;
	char *base;
	bool is_shared;
	struct claim claim[PAGES];
	struct touched touched, split;
	struct slot *bound, *moved, *migrated, *forked;
};

/* false: the run is skipped or has failed. Before the crew starts */
bool zone_make(struct zone *zone, struct run *run, bool is_shared);

#endif
