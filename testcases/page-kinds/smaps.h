/* SPDX-License-Identifier: GPL-2.0-only */
/* /proc/PID/smaps, summed up over a range (Documentation/filesystems/proc.rst). */
#ifndef SMAPS_H
#define SMAPS_H

#include <stdbool.h>
#include <sys/types.h>

#include "run.h"

/* in KiB, but for THP_ELIGIBLE: of how many VMAs it is 1 */
enum smaps_field {
	SMAPS_SIZE, SMAPS_RSS, SMAPS_PSS, SMAPS_SHARED_CLEAN, SMAPS_SHARED_DIRTY, SMAPS_PRIVATE_CLEAN, SMAPS_PRIVATE_DIRTY,
	SMAPS_ANONYMOUS, SMAPS_LAZY_FREE, SMAPS_ANON_HUGE, SMAPS_SHMEM_HUGE, SMAPS_FILE_HUGE, SMAPS_SWAP, SMAPS_LOCKED,
	SMAPS_THP_ELIGIBLE,
	SMAPS_FIELDS,
};

struct smaps {
	long kib[SMAPS_FIELDS];
	unsigned int vmas;
};

/* Of the VMAs that lie in the range, of another process or (0) of this. false, and the run has failed. */
bool smaps_read(struct run *run, pid_t pid, const void *from, const void *to, struct smaps *smaps);

/* All VMAs, and what smaps_rollup says of them, which has not all of these fields (-1). */
bool smaps_read_all(struct run *run, pid_t pid, struct smaps *smaps);
bool smaps_read_rollup(struct run *run, pid_t pid, struct smaps *smaps);

const char *smaps_name(enum smaps_field field);

#endif
