/* Tags: the value in a page says whose page it is, so that a wrong page is recognised and not just "different". */
#ifndef TAG_H
#define TAG_H

#include <stdbool.h>
#include <stdint.h>

#define TAG_MAGIC UINT64_C(0xa5)
#define TAG_GENERATIONS (UINT64_C(1) << 40)

/* owner: process, slot or thread; page: index in its mapping; generation: which mapping since the start */
static inline uint64_t tag_make(unsigned int owner, unsigned int page, uint64_t generation)
{
	return TAG_MAGIC << 56 | (uint64_t)(owner & 0xff) << 48 | (uint64_t)(page & 0xff) << 40 |
	       (generation & (TAG_GENERATIONS - 1));
}

static inline bool tag_valid(uint64_t tag) { return tag >> 56 == TAG_MAGIC; }
static inline unsigned int tag_owner(uint64_t tag) { return tag >> 48 & 0xff; }
static inline unsigned int tag_page(uint64_t tag) { return tag >> 40 & 0xff; }
static inline uint64_t tag_generation(uint64_t tag) { return tag & (TAG_GENERATIONS - 1); }

#endif
