/* Child processes of a subtest. */
#ifndef CHILD_H
#define CHILD_H

#include <sys/types.h>

#include "run.h"

/* Runs 'body' in a forked child, which then exits. Fails the run when the fork does not work.
 * From a process with threads the body must not allocate, lock or start threads. -1 when it failed. */
pid_t child_start(struct run *run, void (*body)(struct run *run, void *arg), void *arg);

/* The same where a fork may fail: -1 and errno, and nothing is said. */
pid_t child_try(struct run *run, void (*body)(struct run *run, void *arg), void *arg);

/* For such a child, if the process that forked it had one thread: a further thread with a small stack, which ends with its
 * process. child_thread() fails the run when that does not work, child_try_thread() says false. */
void child_thread(struct run *run, void *(*body)(void *arg), void *arg);
bool child_try_thread(void *(*body)(void *arg), void *arg);

/* Oracle: the child ended by itself and well. Death by a signal means that memory it owns was refused (a VMA copied
 * wrongly at fork, or torn down early) or that the kernel killed it. */
void child_wait(struct run *run, pid_t pid);

/* The same for a child that was sent SIGKILL: either that, or it was faster and ended well. */
void child_wait_killed(struct run *run, pid_t pid);

#endif
