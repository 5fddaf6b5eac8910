// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "place.h"

#include "desk.h"

char *place_page(const struct place *place, unsigned int page)
{
	return place->base + page * page_bytes();
}

static bool is_side(unsigned int page)
{
	return page == 0 || page == ALL_PAGES - 1;
}

static unsigned int neighbour_page(const struct place *place, unsigned int page)
{
	return 2 * place->index + (page != 0);
}

unsigned int place_traits(const struct place *place, unsigned int page)
{
	if (!is_side(page))
		return place->kind->traits;
	if (page == 0 ? place->before : place->behind)
		return PAGE_BESIDE;
	return IS_HOLE | (page == 0 ? place->kind->traits & GROWS : 0);
}

uint64_t place_word(const struct place *place, unsigned int page)
{
	if (is_side(page))
		return tag_make(NEIGHBOUR_OWNER, neighbour_page(place, page), 0);
	return place->kind->traits & (IS_FULL | IS_ARMED_MINOR) ? tag_make(place->index, page, 0) : 0;
}

bool traits_readable(unsigned int traits)
{
	return traits & IS_READABLE && !(traits & (IS_BUS | IS_GUARD));
}

bool traits_writable(unsigned int traits)
{
	return traits & IS_WRITABLE && !(traits & (IS_BUS | IS_GUARD));
}

bool place_open(struct run *run, struct place *place, unsigned int index, struct desk *desk)
{
	*place = (struct place){ .kind = &kinds[index], .index = index, .file = -1 };
	if (!(place->kind->traits & IS_VAGUE) || place->kind->traits & HAS_FILE)
		place->base = area_reserve(run, ALL_PAGES);
	else
		place->at_home = true;
	if (!place->at_home) {
		if (!place->base)
			return false;
		area_unmap(run, place->base, 1);
		area_unmap(run, place_page(place, ALL_PAGES - 1), 1);
	}
	return place->kind->build(place, desk);
}

static void put_side(struct place *place, struct desk *desk, unsigned int page, bool there)
{
	char *at = place_page(place, page);

	if (there)
		mmap(at, page_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, desk->neighbours,
		     (off_t)neighbour_page(place, page) * page_bytes());
	else
		munmap(at, page_bytes());
}

void place_sides(struct place *place, struct desk *desk, struct rng *rng)
{
	if (place->at_home)
		return;
	/* below a stack only a hole says something: it does not grow to where another mapping is near */
	place->before = !(place->kind->traits & GROWS) && rng_one_in(rng, 2);
	place->behind = rng_one_in(rng, 2);
	put_side(place, desk, 0, place->before);
	put_side(place, desk, ALL_PAGES - 1, place->behind);
}

bool place_renew(struct place *place, struct desk *desk)
{
	if (place->kind->traits & STAYS)
		return true;
	/* what a stack has grown by goes first */
	if (place->kind->traits & GROWS)
		munmap(place->base, page_bytes());
	return place->kind->build(place, desk);
}

const char *place_changed(const struct place *place, struct rng *rng)
{
	unsigned int traits = place->kind->traits;
	unsigned int refused = 1 + rng_below(rng, KIND_PAGES);

	if (traits & IS_VAGUE)
		return NULL;
	for (unsigned int page = 1; page <= KIND_PAGES; page++) {
		uint64_t *at = (uint64_t *)place_page(place, page), value = 0;
		enum access want = traits & (IS_HOLE | IS_GUARD) ? ACCESS_SEGV : traits & IS_BUS ? ACCESS_BUS : ACCESS_OK;

		/* A refusal is a signal, which takes long: one of them is enough. */
		if (!traits_readable(traits) && page != refused)
			continue;
		if (!(traits & IS_READABLE))
			want = ACCESS_SEGV;
		if (fault_load(at, &value) != want)
			return "a load";
		if (want == ACCESS_OK && value != place_word(place, page))
			return "what is there";
		if (page != refused)
			continue;
		if (!(traits & IS_WRITABLE))
			want = ACCESS_SEGV;
		if (fault_store(at, value) != want)
			return "a store";
	}
	return NULL;
}
