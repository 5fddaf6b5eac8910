/* Is a thread that makes no progress stuck, and where? Asked from outside, by way of /proc: none of what is read there
 * takes a lock of the thread's address space, which may be held for ever. */
#ifndef STALL_H
#define STALL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Sleeps, or has ended: nothing but a wake-up can make it go on. A thread that could run may only be starved. */
bool stall_sleeps(int thread);

/* CPU time that the thread has used, in ms; 0 when it cannot be told. One that uses it and gets nowhere is no less stuck
 * than one that sleeps. */
long stall_cpu_ms(int thread);

/* Each thread of each process of a process group, with its state as ps(1) has it. */
void stall_each_of_group(pid_t group, void (*visit)(int thread, char state, void *arg), void *arg);

/* What the kernel says of a thread: "D (fault-vs-munmap) in __vma_start_write, system call 11". What cannot be read is
 * left out; empty when nothing can. */
void stall_describe(int thread, char *text, size_t size);

#endif
