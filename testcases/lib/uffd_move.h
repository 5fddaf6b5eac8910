/* SPDX-License-Identifier: GPL-2.0-only */
/* UFFDIO_MOVE of Linux 6.8, for headers that are older. */
#ifndef UFFD_MOVE_H
#define UFFD_MOVE_H

#include <linux/userfaultfd.h>

#ifndef UFFDIO_MOVE
struct uffdio_move {
	__u64 dst, src, len, mode;
	__s64 move;
};
#define UFFDIO_MOVE _IOWR(UFFDIO, 0x05, struct uffdio_move)
#endif

#endif
