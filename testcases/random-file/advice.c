// SPDX-License-Identifier: GPL-2.0-only
/* What changes where the bytes are, and not what they are. Anyone may ask for it, of any part. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "area.h"
#include "file.h"
#include "words.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* Refusals say only that it cannot be done now, or by this kernel. */
void do_advise(struct part *part)
{
	static const int advice[] = { MADV_COLD,       MADV_PAGEOUT, MADV_HUGEPAGE,	  MADV_NOHUGEPAGE,
				      MADV_HUGEPAGE, MADV_RANDOM,  MADV_SEQUENTIAL,	  MADV_NORMAL,
				      MADV_WILLNEED, MADV_PAGEOUT, MADV_POPULATE_READ, MADV_DONTNEED };
	unsigned int which = rng_below(part->rng, COUNT_OF(advice));
	size_t at, length;

	if (!part_choose_pages(part, &at, &length))
		return;
	part_note(part, "advise %zu+%zu %d", at, length, advice[which]);
	madvise(part->file->map + at, length, advice[which]);
}

void do_collapse(struct part *part)
{
	size_t at = rng_below(part->rng, CONTENT_MAX / HUGE_BYTES) * HUGE_BYTES;

	part_note(part, "collapse %zu", at);
	madvise(part->file->map + at, HUGE_BYTES, MADV_COLLAPSE);
	if (part_breaks(part, "collapse-loses"))
		fallocate(part->file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, page_bytes());
}

void do_drop(struct part *part)
{
	size_t at, length;

	if (!part_choose_pages(part, &at, &length))
		return;
	part_note(part, "drop %zu+%zu", at, length);
	if (rng_one_in(part->rng, 2))
		posix_fadvise(part->file->fd, at, length, POSIX_FADV_DONTNEED);
	else if (msync(part->file->map + at, length, MS_SYNC) != 0)
		part_fail(part, "msync: %s", error_words(errno));
}

/* ---- memory policies: they belong to the file, whoever has it mapped */

enum { POLICY_DEFAULT, POLICY_PREFERRED, POLICY_BIND, POLICY_INTERLEAVE, POLICIES };
#define POLICY_OF_ADDRESS 2ul /* MPOL_F_ADDR */

void do_place(struct part *part)
{
	unsigned int mode = rng_below(part->rng, POLICIES);
	unsigned long first_node = 1, *nodes = mode == POLICY_DEFAULT ? NULL : &first_node;
	size_t at, length;

	if (!part->is_whole || !part_choose_pages(part, &at, &length))
		return;
	part_note(part, "place %zu+%zu %u", at, length, mode);
	if (syscall(SYS_mbind, part->file->map + at, length, (long)mode, nodes,
		    nodes ? 8 * sizeof(*nodes) : 0ul, 0u) != 0) {
		if (errno != ENOSYS)
			part_fail(part, "mbind: %s", error_words(errno));
		return;
	}
	for (size_t page = at / page_bytes(); page < (at + length) / page_bytes(); page++)
		part->file->policy[page] = part_breaks(part, "policy-lost") ? POLICIES : mode;
}

/* Oracle: of a place in the file the kernel says the policy that it was given last. */
void do_ask_place(struct part *part)
{
	unsigned long nodes[16];
	size_t at, length;
	int mode = -1;

	if (!part->is_whole || !part_choose_pages(part, &at, &length))
		return;
	part_note(part, "policy at %zu", at);
	if (syscall(SYS_get_mempolicy, &mode, nodes, 8 * sizeof(nodes), part->file->map + at,
		    POLICY_OF_ADDRESS) != 0) {
		if (errno != ENOSYS)
			part_fail(part, "get_mempolicy: %s", error_words(errno));
	} else if (mode != part->file->policy[at / page_bytes()]) {
		part_fail(part, "the policy is %d instead of %u", mode,
			  part->file->policy[at / page_bytes()]);
	}
}
