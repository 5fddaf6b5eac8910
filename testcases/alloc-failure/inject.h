/* Allocations of the kernel that fail on request: the nth from now on of the calling thread, and no other's; alone, or with
 * some that follow. */
#ifndef INJECT_H
#define INJECT_H

#include "case.h"

struct injector {
	int nth, more, times;           /* descriptors of the thread that opened them */
};

/* false: this kernel has no such thing, or spares the allocations that matter; the run is skipped. */
bool inject_available(struct run *run);

/* for the calling thread; false fails the run */
bool inject_open(struct injector *injector, struct run *run);

void inject_arm(struct injector *injector, unsigned int nth, bool more);

/* Ends it. Whether an allocation was made to fail; false: there were fewer than n. */
bool inject_disarm(struct injector *injector);

#endif
