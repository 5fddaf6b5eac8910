/* SPDX-License-Identifier: GPL-2.0-only */
/* Errors and signals in words. glibc's functions of 2.32 take no lock and allocate nothing, so that a child that was forked
 * beside threads may call them; older ones and musl's are the best there is. */
#ifndef WORDS_H
#define WORDS_H

#include <string.h>

#ifdef __GLIBC__
#define HAS_LOCKLESS_WORDS __GLIBC_PREREQ(2, 32)
#else
#define HAS_LOCKLESS_WORDS 0
#endif

#if HAS_LOCKLESS_WORDS
static inline const char *error_words(int error)
{
	return strerrordesc_np(error);
}

static inline const char *signal_words(int signo)
{
	return sigdescr_np(signo);
}
#else
static inline const char *error_words(int error)
{
	return strerror(error);
}

static inline const char *signal_words(int signo)
{
	return strsignal(signo);
}
#endif

#endif
