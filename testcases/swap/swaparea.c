// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "swaparea.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#include "area.h"
#include "sysfile.h"

#define AREA_BYTES (8 << 20)
#define ZRAM "/sys/block/zram0/"

/* What mkswap writes: a header in the first page. See union swap_header in the kernel's include/linux/swap.h. */
#define HEADER_AT 1024
#define MAGIC "SWAPSPACE2"
struct header {
	uint32_t version, last_page, bad_pages;
};

static bool write_header(int device)
{
	struct header header = { .version = 1, .last_page = AREA_BYTES / page_bytes() - 1 };
	size_t length = strlen(MAGIC);

	return pwrite(device, &header, sizeof(header), HEADER_AT) == sizeof(header) &&
	       pwrite(device, MAGIC, length, page_bytes() - length) == (ssize_t)length && fsync(device) == 0;
}

static bool open_zram(struct run *run, struct swap_area *area)
{
	char size[32];

	snprintf(area->path, sizeof(area->path), "/dev/zram0");
	if (sysfile_number(ZRAM "disksize", -1) < 0) {
		run_skip(run, "no zram (CONFIG_ZRAM)");
		return false;
	}
	/* of one of us that died */
	swapoff(area->path);
	if (!sysfile_write(ZRAM "reset", "1")) {
		run_skip(run, "zram cannot be had: errno %d", errno);
		return false;
	}
	snprintf(size, sizeof(size), "%d", AREA_BYTES);
	if (!sysfile_write(ZRAM "disksize", size)) {
		run_skip(run, "zram has no memory: errno %d", errno);
		return false;
	}
	area->device = open(area->path, O_RDWR | O_CLOEXEC);
	return true;
}

/* A file that is never written to swap itself, as one on a tmpfs would be; it is gone with its descriptor. -1: none */
static int open_backing(void)
{
	char directory[] = "/tmp/swap.XXXXXX", path[64];
	int file = -1;

	if (!mkdtemp(directory))
		return -1;
	if (mount("none", directory, "ramfs", 0, NULL) == 0) {
		snprintf(path, sizeof(path), "%s/area", directory);
		file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		umount2(directory, MNT_DETACH);
	}
	rmdir(directory);
	if (file >= 0 && ftruncate(file, AREA_BYTES) != 0) {
		close(file);
		file = -1;
	}
	return file;
}

static bool open_loop(struct run *run, struct swap_area *area)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), backing = open_backing();
	struct loop_config config = { .fd = backing, .info.lo_flags = LO_FLAGS_AUTOCLEAR };
	int number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
	bool done = false;

	snprintf(area->path, sizeof(area->path), "/dev/loop%d", number);
	if (number < 0 || backing < 0 || (area->device = open(area->path, O_RDWR | O_CLOEXEC)) < 0)
		run_skip(run, "no loop device, or no file for it (CONFIG_BLK_DEV_LOOP, CAP_SYS_ADMIN): errno %d", errno);
	else if (ioctl(area->device, LOOP_CONFIGURE, &config) != 0)
		run_skip(run, "%s takes no file: errno %d", area->path, errno);
	else
		done = true;
	if (control >= 0)
		close(control);
	if (backing >= 0)
		close(backing);
	return done;
}

bool swap_start(struct run *run, struct swap_area *area, enum swap_kind kind)
{
	*area = (struct swap_area){ .kind = kind, .device = -1 };
	if (!(kind == SWAP_AT_ONCE ? open_zram(run, area) : open_loop(run, area)))
		return false;
	if (area->device < 0 || !write_header(area->device)) {
		run_fail_errno(run, area->path);
		return false;
	}
	if (swapon(area->path, SWAP_FLAG_PREFER | SWAP_FLAG_PRIO_MASK) != 0) {
		run_skip(run, "no swap here: errno %d", errno);
		swap_end(run, area);
		return false;
	}
	area->on = true;
	return true;
}

bool swap_try_off(struct run *run, struct swap_area *area)
{
	if (swapoff(area->path) == 0)
		area->on = false;
	else if (errno != ENOMEM)
		run_fail_errno(run, "swapoff");
	return !area->on;
}

bool swap_on(struct run *run, struct swap_area *area)
{
	area->on = swapon(area->path, SWAP_FLAG_PREFER | SWAP_FLAG_PRIO_MASK) == 0;
	if (!area->on)
		run_fail_errno(run, "swapon");
	return area->on;
}

void swap_end(struct run *run, struct swap_area *area)
{
	/* nobody faults any more: now it must go */
	if (area->on && swapoff(area->path) != 0)
		run_fail_errno(run, "swapoff");
	close(area->device);
	if (area->kind == SWAP_AT_ONCE)
		sysfile_write(ZRAM "reset", "1");
}
