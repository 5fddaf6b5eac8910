/* System-wide counters of /proc/vmstat, as differences over a subtest. They say whether faults really took the
 * per-VMA lock: a kernel that always falls back to mmap_lock passes every data check. */
#ifndef COUNTERS_H
#define COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#define COUNTERS 17

struct counters {
	uint64_t value[COUNTERS];
	bool present[COUNTERS];         /* vma_lock_* need CONFIG_PER_VMA_LOCK_STATS */
};

void counters_read(struct counters *counters);
/* The first of 'wanted' (up to a NULL, at most 'count') that is there and has not moved; NULL when all have. */
const char *counters_still(const struct counters *before, const struct counters *after, const char *const *wanted,
			   unsigned int count);
/* page faults served under the lock of their VMA, in percent of all; 100 when the kernel does not say */
unsigned int counters_locked_percent(const struct counters *before, const struct counters *after);
void counters_print(const struct counters *before, const struct counters *after);

#endif
