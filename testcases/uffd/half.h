/* SPDX-License-Identifier: GPL-2.0-only */
/* The upper half of the range, which loses its userfaultfd and gets it again. */
#ifndef HALF_H
#define HALF_H

#include "uffd.h"

#define HALF (UFFD_PAGES / 2)           /* its first page, and its number of pages */

/* what may be found in its pages from now on, besides the zero pages that are answers */
void half_settle(struct uffd *uffd, unsigned int may);

/* registers it again, but for this sabotage, without what came in before, and lets it stand for a while */
void half_return(struct worker *worker, const char *sabotage);

#endif
