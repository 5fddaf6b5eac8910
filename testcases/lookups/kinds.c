// SPDX-License-Identifier: GPL-2.0-only
/* The kinds of VMA, and how each is made. Stores are allowed to be refused: in 'storm' others change the place meanwhile. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "desk.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#define GUARD_INSTALL 102

#define RW (PROT_READ | PROT_WRITE)
#define ANON_RW (IS_RW | IS_ANON)
#define SHMEM_RW (IS_RW | IS_SHARED | HAS_FILE | IS_SHMEM)

static size_t bytes(void)
{
	return KIND_PAGES * page_bytes();
}

static void *first(const struct place *place)
{
	return place_page(place, 1);
}

static bool map(struct place *place, int prot, int flags, int file)
{
	return mmap(first(place), bytes(), prot, flags | MAP_FIXED | (file < 0 ? MAP_ANONYMOUS : 0), file, 0) != MAP_FAILED;
}

static void write_tags(const struct place *place)
{
	for (unsigned int page = 1; page <= KIND_PAGES; page++)
		fault_store((uint64_t *)place_page(place, page), tag_make(place->index, page, 0));
}

/* what is written to the file need not be written again: nobody stores anything else */
static bool own_file(struct place *place, bool tagged)
{
	if (place->file >= 0)
		return true;
	place->file = memfd_create("place", MFD_CLOEXEC);
	if (place->file < 0 || (tagged && ftruncate(place->file, bytes()) != 0))
		return false;
	for (unsigned int page = 1; tagged && page <= KIND_PAGES; page++) {
		uint64_t tag = tag_make(place->index, page, 0);

		if (pwrite(place->file, &tag, sizeof(tag), (off_t)(page - 1) * page_bytes()) != sizeof(tag))
			return false;
	}
	return true;
}

static bool build_hole(struct place *place, struct desk *desk)
{
	(void)desk;
	return munmap(first(place), bytes()) == 0;
}

static bool build_empty(struct place *place, struct desk *desk)
{
	(void)desk;
	return map(place, RW, MAP_PRIVATE, -1);
}

/* the page of zeroes is mapped */
static bool build_zeroes(struct place *place, struct desk *desk)
{
	uint64_t value;

	if (!build_empty(place, desk))
		return false;
	for (unsigned int page = 1; page <= KIND_PAGES; page++)
		fault_load((uint64_t *)place_page(place, page), &value);
	return true;
}

static bool build_anon(struct place *place, struct desk *desk)
{
	if (!build_empty(place, desk))
		return false;
	write_tags(place);
	return true;
}

static bool build_none(struct place *place, struct desk *desk)
{
	return build_anon(place, desk) && mprotect(first(place), bytes(), PROT_NONE) == 0;
}

static bool build_read_only(struct place *place, struct desk *desk)
{
	return build_anon(place, desk) && mprotect(first(place), bytes(), PROT_READ) == 0;
}

static bool build_split(struct place *place, struct desk *desk)
{
	return build_anon(place, desk) && madvise(place_page(place, 2), page_bytes(), MADV_DONTDUMP) == 0;
}

static bool build_shared_anon(struct place *place, struct desk *desk)
{
	(void)desk;
	if (!map(place, RW, MAP_SHARED, -1))
		return false;
	write_tags(place);
	return true;
}

static bool build_file(struct place *place, struct desk *desk)
{
	(void)desk;
	return own_file(place, true) && map(place, RW, MAP_SHARED, place->file);
}

static bool build_private_file(struct place *place, struct desk *desk)
{
	(void)desk;
	return own_file(place, true) && map(place, RW, MAP_PRIVATE, place->file);
}

static bool build_file_to_read(struct place *place, struct desk *desk)
{
	char path[64];
	int again;

	(void)desk;
	if (place->file < 0) {
		if (!own_file(place, true))
			return false;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", place->file);
		again = open(path, O_RDONLY | O_CLOEXEC);
		close(place->file);
		place->file = again;
	}
	return place->file >= 0 && map(place, PROT_READ, MAP_SHARED, place->file);
}

static bool build_beyond_end(struct place *place, struct desk *desk)
{
	(void)desk;
	return own_file(place, false) && map(place, RW, MAP_SHARED, place->file);
}

static bool build_zero_device(struct place *place, struct desk *desk)
{
	(void)desk;
	if (place->file < 0)
		place->file = open("/dev/zero", O_RDWR | O_CLOEXEC);
	return place->file >= 0 && map(place, RW, MAP_PRIVATE, place->file);
}

static bool build_sealed(struct place *place, struct desk *desk)
{
	return build_anon(place, desk) && syscall(SYS_mseal, first(place), bytes(), 0) == 0;
}

static bool build_secret(struct place *place, struct desk *desk)
{
	(void)desk;
	if (place->file < 0)
		place->file = syscall(SYS_memfd_secret, 0);
	if (place->file < 0)
		return false;
	/* refused once it has a size: no matter */
	(void)!ftruncate(place->file, bytes());
	if (!map(place, RW, MAP_SHARED, place->file))
		return false;
	write_tags(place);
	return true;
}

static bool build_stack(struct place *place, struct desk *desk)
{
	(void)desk;
	if (!map(place, RW, MAP_PRIVATE | MAP_GROWSDOWN, -1))
		return false;
	write_tags(place);
	return true;
}

static bool build_locked(struct place *place, struct desk *desk)
{
	return build_anon(place, desk) && mlock(first(place), bytes()) == 0;
}

static bool build_guard(struct place *place, struct desk *desk)
{
	return build_empty(place, desk) && madvise(first(place), bytes(), GUARD_INSTALL) == 0;
}

static bool build_armed(struct place *place, struct desk *desk)
{
	return desk->ours.fd >= 0 && build_empty(place, desk) &&
	       uffd_arm(&desk->ours, first(place), bytes(), UFFDIO_REGISTER_MODE_MISSING);
}

static bool build_armed_other(struct place *place, struct desk *desk)
{
	return desk->other.fd >= 0 && build_empty(place, desk) &&
	       uffd_arm(&desk->other, first(place), bytes(), UFFDIO_REGISTER_MODE_MISSING);
}

static bool build_armed_wp(struct place *place, struct desk *desk)
{
	return desk->ours.features & UFFD_FEATURE_PAGEFAULT_FLAG_WP && build_anon(place, desk) &&
	       uffd_arm(&desk->ours, first(place), bytes(), UFFDIO_REGISTER_MODE_WP);
}

static bool build_armed_minor(struct place *place, struct desk *desk)
{
	return desk->ours.features & UFFD_FEATURE_MINOR_SHMEM && build_file(place, desk) &&
	       uffd_arm(&desk->ours, first(place), bytes(), UFFDIO_REGISTER_MODE_MINOR);
}

static bool build_socket(struct place *place, struct desk *desk)
{
	return desk->stream_in >= 0 && map(place, PROT_READ, MAP_SHARED, desk->stream_in);
}

/* The kernel's own are where it put them: the place is the VMA of that name, which cannot be split. */
static bool find_home(struct place *place, const char *name)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long begin = 0, end = 0;
	char line[256], *found = NULL;

	while (maps && !found && fgets(line, sizeof(line), maps))
		found = strstr(line, name);
	if (maps)
		fclose(maps);
	if (!found || sscanf(line, "%lx-%lx", &begin, &end) != 2 || end - begin > bytes())
		return false;
	place->base = (char *)begin - page_bytes();
	place->home_pages = (end - begin) / page_bytes();
	return true;
}

static bool build_vdso(struct place *place, struct desk *desk)
{
	(void)desk;
	return place->base || find_home(place, "[vdso]");
}

/* memory without pages that the kernel may do something with, as it says itself: newer kernels' vvar is mixed */
static bool is_without_pages(const char *name)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	bool begun = false, ended = false, found = false;
	char line[256];

	while (smaps && !ended && fgets(line, sizeof(line), smaps)) {
		begun = begun || strstr(line, name);
		ended = begun && strncmp(line, "VmFlags:", 8) == 0;
		found = ended && strstr(line, " pf");
	}
	if (smaps)
		fclose(smaps);
	return found;
}

static bool build_vvar(struct place *place, struct desk *desk)
{
	(void)desk;
	return place->base || (is_without_pages("[vvar]") && find_home(place, "[vvar]"));
}

const struct kind kinds[] = {
	{ "hole", IS_HOLE, PROT_READ, build_hole },
	{ "empty", ANON_RW, RW, build_empty },
	{ "zeroes", ANON_RW, RW, build_zeroes },
	{ "anon", ANON_RW | IS_FULL, RW, build_anon },
	{ "none", MAY_WRITE_IT | IS_ANON | IS_FULL, PROT_NONE, build_none },
	{ "read-only", IS_READABLE | MAY_WRITE_IT | IS_ANON | IS_FULL, PROT_READ, build_read_only },
	{ "split", ANON_RW | IS_FULL | IS_SPLIT, RW, build_split },
	{ "shared-anon", SHMEM_RW | IS_FULL, RW, build_shared_anon },
	{ "file", SHMEM_RW | IS_FULL, RW, build_file },
	{ "private-file", IS_RW | HAS_FILE | IS_SHMEM | IS_FULL, RW, build_private_file },
	{ "file-to-read", IS_READABLE | HAS_FILE | IS_SHMEM | IS_FULL, PROT_READ, build_file_to_read },
	{ "beyond-end", SHMEM_RW | IS_BUS, RW, build_beyond_end },
	{ "zero-device", ANON_RW | HAS_FILE, RW, build_zero_device },
	{ "sealed", ANON_RW | IS_FULL | IS_SEALED | STAYS, RW, build_sealed },
	{ "secret", IS_RW | IS_SHARED | HAS_FILE | IS_SECRET | IS_FULL, RW, build_secret },
	{ "stack", ANON_RW | IS_FULL | GROWS, RW, build_stack },
	{ "locked", ANON_RW | IS_FULL | IS_LOCKED, RW, build_locked },
	{ "guard", ANON_RW | IS_GUARD, RW, build_guard },
	{ "armed", ANON_RW | IS_BUS | IS_ARMED, RW, build_armed },
	{ "armed-by-other", ANON_RW | IS_BUS | IS_ARMED_OTHER, RW, build_armed_other },
	{ "armed-wp", ANON_RW | IS_FULL | IS_ARMED_WP, RW, build_armed_wp },
	{ "armed-minor", SHMEM_RW | IS_BUS | IS_ARMED_MINOR, RW, build_armed_minor },
	{ "socket", IS_READABLE | IS_SHARED | HAS_FILE | IS_BUS | IS_SPECIAL | IS_VAGUE, PROT_READ, build_socket },
	{ "vdso", IS_READABLE | MAY_WRITE_IT | IS_SPECIAL | IS_VAGUE | STAYS, PROT_READ | PROT_EXEC, build_vdso },
	{ "vvar", IS_READABLE | IS_IO | IS_SPECIAL | IS_VAGUE | STAYS, PROT_READ, build_vvar },
};

const unsigned int kinds_count = COUNT_OF(kinds);
_Static_assert(COUNT_OF(kinds) <= PLACES_MAX, "each kind is a place");
