/* Who there is, from /proc/PID/stat: reading it takes no lock of an address space, which a broken kernel may hold for
 * ever. */
#ifndef PROCESSES_H
#define PROCESSES_H

#include <stdbool.h>

#define NAME_SIZE 32

/* Is a process other than this one at work? Threads of the kernel do not count. */
bool others_run(void);

/* Sends a signal (0: none) to each child of this process, and counts them. As we are the subreaper, they are whatever the
 * program started and did not wait for. 'name', of NAME_SIZE bytes, gets the name of the last one, as a word. */
int signal_children(int signal, char *name);

#endif
