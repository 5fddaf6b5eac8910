/* The memory limit of the cgroup that this process is in. */
#ifndef LIMIT_H
#define LIMIT_H

#include <stddef.h>

/* In bytes; 0: none, or none that can be found. cgroup v2. */
size_t limit_bytes(void);

#endif
