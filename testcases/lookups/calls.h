/* SPDX-License-Identifier: GPL-2.0-only */
/* The calls, by subject; each table ends with an entry without a name. */
#ifndef CALLS_H
#define CALLS_H

#include "question.h"

extern const struct call range_calls[];         /* what changes or describes ranges of VMAs */
extern const struct call advice_calls[];
extern const struct call byte_calls[];          /* what moves bytes to and from user memory */
extern const struct call uffd_calls[];
extern const struct call single_calls[];        /* what looks one address up: futexes, sockets, policies */
extern const struct call proc_calls[];          /* files of /proc/PID */

#define CALLS_MAX 128

/* those that this kernel has; the number of them */
unsigned int calls_collect(const struct desk *desk, bool foreign, const struct call **calls);

/* asks the target's userfaultfd */
bool call_is_for_uffd(const struct call *call);

/* 0 or more is the answer, -1 is errno */
static inline long answer(long returned)
{
	return returned < 0 ? -errno : returned;
}

#endif
