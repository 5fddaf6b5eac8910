// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "tmpfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 5.2; the numbers are the same on all architectures but alpha */
#ifndef SYS_fsopen
#define SYS_fsopen 430
#define SYS_fsconfig 431
#define SYS_fsmount 432
#endif
enum { SET_STRING = 1, CREATE = 6 }; /* include/uapi/linux/mount.h: FSCONFIG_... */

const char *huge_name(enum huge huge)
{
	static const char *const names[] = { "never", "always", "within_size", "advise" };

	return names[huge];
}

static int mounted(int context, enum huge huge)
{
	/* a kernel without huge pages does not know the option */
	if (huge != HUGE_NEVER &&
	    syscall(SYS_fsconfig, context, SET_STRING, "huge", huge_name(huge), 0) != 0)
		return -1;
	if (syscall(SYS_fsconfig, context, CREATE, NULL, NULL, 0) != 0)
		return -1;
	return syscall(SYS_fsmount, context, 0u, 0u);
}

int tmpfs_file(enum huge huge)
{
	int context = syscall(SYS_fsopen, "tmpfs", 0u), mount, file, error;

	if (context < 0)
		return -1;
	mount = mounted(context, huge);
	error = errno;
	close(context);
	file = mount < 0 ? -1 : openat(mount, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (mount >= 0) {
		error = errno;
		close(mount);
	}
	errno = error;
	return file;
}
