#define _GNU_SOURCE
#include "zone.h"

#include <sys/mman.h>

#define OWN_WORD WORD_OF_THREAD(50)     /* touchers have lower ones */

bool zone_init(struct zone *zone, struct run *run, bool anonymous)
{
	*zone = (struct zone){
		.run = run, .base = area_reserve(run, PAGES), .away = area_reserve(run, PAGES), .fd = -1, .generation = 1,
	};
	if (!zone->base || !zone->away)
		return false;
	area_unmap(run, zone->away, PAGES);
	if (!anonymous) {
		zone->fd = area_tagged_file(run, 0, PAGES, 1);
		if (zone->fd < 0)
			return false;
	}
	claims_publish(zone->claim, PAGES, 1, CLAIM_NONE);
	zone->touched = (struct touched){
		.base = zone->base, .pages = PAGES, .claims = zone->claim, .keeps_data = !anonymous,
		.want.zero_while_changing = anonymous,
	};
	return true;
}

static bool is_settled_rw(const struct zone *zone, unsigned int page)
{
	return claim_may(claim_read(&zone->claim[page])) == CLAIM_RW;
}

/* What is settled as mapped stays so: the same part of the file in the place of itself is never refused. */
static void map_file(struct zone *zone)
{
	for (unsigned int page = 0; page < PAGES; page++)
		if (!is_settled_rw(zone, page))
			claim_update(&zone->claim[page], CLAIM_ANY);
	area_map(zone->run, zone->base, PAGES, PROT_READ | PROT_WRITE, MAP_SHARED, zone->fd, 0);
	for (unsigned int page = 0; page < PAGES; page++)
		if (!is_settled_rw(zone, page))
			claim_update(&zone->claim[page], CLAIM_RW);
}

void zone_fresh(struct zone *zone)
{
	claims_update(zone->claim, PAGES, CLAIM_ANY | MAY_BE_ZERO);
	area_unmap(zone->run, zone->base, PAGES);
	zone->generation++;
	claims_publish(zone->claim, PAGES, zone->generation, CLAIM_NONE);
	claims_publish(zone->claim, PAGES, zone->generation, CLAIM_ANY | MAY_BE_ZERO);
	area_map(zone->run, zone->base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0);
}

void zone_tag(struct zone *zone)
{
	area_tag(zone->base, PAGES, 0, zone->generation);
	claims_publish(zone->claim, PAGES, zone->generation, CLAIM_RW);
}

void zone_whole(struct zone *zone)
{
	if (zone->fd >= 0) {
		map_file(zone);
		return;
	}
	zone_fresh(zone);
	zone_tag(zone);
}

static enum seen look_at_page(struct zone *zone, void *base, unsigned int page)
{
	uint64_t *tag = area_word(base, page, WORD_TAG), value = 0;
	enum access got = fault_load(tag, &value);

	if (got == ACCESS_SEGV)
		return SEEN_HOLE;
	if (got == ACCESS_OK && value == 0)
		return SEEN_ZERO;
	if (got != ACCESS_OK || value != tag_make(0, page, zone->generation)) {
		run_fail(zone->run, "page %u at %p: %s value %#llx", page, (void *)tag, access_name(got),
			 (unsigned long long)value);
		return SEEN_WRONG;
	}
	return fault_store(area_word(base, page, OWN_WORD), 1) == ACCESS_OK ? SEEN_RW : SEEN_RO;
}

enum seen zone_look(struct zone *zone, void *base, unsigned int first, unsigned int count)
{
	enum seen seen = look_at_page(zone, base, first);

	for (unsigned int page = first + 1; page < first + count; page++)
		if (look_at_page(zone, base, page) != seen)
			return SEEN_WRONG;
	return seen;
}

const char *seen_name(enum seen seen)
{
	switch (seen) {
	case SEEN_RW:
		return "mapped";
	case SEEN_RO:
		return "read-only";
	case SEEN_HOLE:
		return "unmapped";
	case SEEN_ZERO:
		return "zero";
	default:
		return "a mixture";
	}
}

void zone_announce(struct zone *zone, unsigned int first, unsigned int count)
{
	claims_update(&zone->claim[first], count, CLAIM_ANY | (zone->fd < 0 ? MAY_BE_ZERO : 0));
}

void zone_settle(struct zone *zone, unsigned int first, unsigned int count, enum seen seen)
{
	unsigned int may = seen == SEEN_RW     ? CLAIM_RW
			   : seen == SEEN_RO   ? CLAIM_RO
			   : seen == SEEN_HOLE ? CLAIM_NONE
			   : seen == SEEN_ZERO ? CLAIM_RW | MAY_BE_ZERO
					       : CLAIM_ANY | MAY_BE_ZERO;

	claims_update(&zone->claim[first], count, may);
}
