/* SPDX-License-Identifier: GPL-2.0-only */
/* What questions are asked with: files, sockets, userfaultfds, buffers. */
#ifndef DESK_H
#define DESK_H

#include "place.h"

#define NEIGHBOUR_OWNER 200
#define SCRATCH_OWNER 201

struct uffd {
	int fd;                         /* -1: none to be had */
	uint64_t features;
};

struct desk {
	struct run *run;
	int neighbours;                 /* memory file of all pages beside places */
	int scratch;                    /* memory file to read from and write to */
	int pipe[2];
	int stream_in, stream_out;      /* both ends of a TCP connection, -1: none */
	struct uffd ours, other;
	char *armed;                    /* ALL_PAGES that 'ours' has armed, and nothing else uses: empty */
	char *source;                   /* ALL_PAGES of anonymous memory, written */
	char *zeroes;                   /* ALL_PAGES that nobody writes to */
};

bool desk_open(struct run *run, struct desk *desk);

/* One that never makes anybody wait: a page fault gets SIGBUS. */
struct uffd uffd_open(void);
bool uffd_arm(const struct uffd *uffd, void *at, size_t bytes, uint64_t mode);

/* Enough bytes wait in the socket for it to look for the mapping that they could go to. */
void desk_fill_stream(struct desk *desk);

#endif
