/* SPDX-License-Identifier: GPL-2.0 */
/* What each operation asks of the kernel, and what the model has of it afterwards. An operation is
 * done to a run of cells that all suit it, since system calls that fail half-way leave more than
 * one state.
 *
 * Oracle of all: a system call that is right by the model does not fail, and one that is wrong
 * does. */
#ifndef OPERATIONS_H
#define OPERATIONS_H

#include "world.h"

/* 'count' cells from 'at' on, all of which suit */
typedef void operation(struct world *world, const struct op *op, unsigned int at,
		       unsigned int count);

/* maps.c */
operation do_map, do_unmap, do_protect, do_move, do_grow, do_shrink, do_remap;
/* refusals.c */
operation do_map_refused;
/* advice.c */
operation do_advise, do_populate, do_lock, do_sync, do_ask_residence;
/* accesses.c */
operation do_store, do_load, do_reach, do_file;
/* attributes.c */
operation do_name, do_merge_alike, do_place;
/* whole.c */
operation do_lock_all, do_clear_refs, do_compare_maps;
/* userfault.c */
operation do_arm, do_fill, do_fill_by_move, do_ward;
/* families.c */
operation do_fork, do_vfork;
/* columns.c */
operation do_heap, do_stack;

#endif
