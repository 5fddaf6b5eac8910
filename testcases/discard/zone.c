#include "zone.h"

bool zone_map(struct run *run, struct zone *zone)
{
	zone->base = area_reserve(run, PAGES);
	return zone->base && area_map(run, zone->base, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0) != MAP_FAILED;
}

void zone_begin(struct run *run, struct zone *zone)
{
	area_tag(zone->base, PAGES, 0, 1);
	claims_publish(zone->claim, PAGES, 1, CLAIM_RW);
	zone->touched = (struct touched){
		.base = zone->base, .pages = PAGES, .claims = zone->claim,
		.want = { .zero_while_changing = true, .always_mapped = true },
	};
	touched_count(run, &zone->touched, false);
}

void zone_tag(struct zone *zone, unsigned int first, unsigned int count, uint64_t generation)
{
	for (unsigned int page = first; page < first + count; page++)
		*area_word(zone->base, page, WORD_TAG) = tag_make(0, page, generation);
	claims_publish(&zone->claim[first], count, generation, CLAIM_RW);
}
