/* SPDX-License-Identifier: GPL-2.0 */
/* From a long program that failed to a short one that fails. */
#ifndef SHRINK_H
#define SHRINK_H

#include "program.h"

/* The first 'done' operations failed in this world. Tries parts of them, each in a process and a
 * world of its own, and tells what is left. Ends the run: what happens to a broken kernel later
 * says nothing more. */
void explain(struct worker *worker, const struct world *world, const struct program *program,
	     unsigned int done);

/* Another thread saw something wrong while these were performed. It takes both, so nothing is
 * tried. */
void explain_accused(const struct world *world, const struct program *program, unsigned int done);

#endif
