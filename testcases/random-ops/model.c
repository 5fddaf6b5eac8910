// SPDX-License-Identifier: GPL-2.0
#include "model.h"

bool cell_is_mapped(const struct cell *cell)
{
	return cell->kind != HOLE;
}

bool cell_is_beyond(const struct model *model, const struct cell *cell)
{
	return (cell->kind == SHARED || cell->kind == COPY) &&
	       cell->slot >= model->object[cell->object].cells;
}

static bool has_own_page(const struct cell *cell)
{
	return cell->kind == ANON || (cell->kind == COPY && cell->flags & OWN);
}

enum present cell_presence(const struct model *model, const struct cell *cell)
{
	enum present present = has_own_page(cell) ? cell->present :
						    model->object[cell->object].present[cell->slot];

	return present == ABSENT && cell->flags & MAYBE_OWN ? UNSURE : present;
}

static uint32_t value_of(const struct model *model, const struct cell *cell)
{
	return has_own_page(cell) ? cell->value : model->object[cell->object].value[cell->slot];
}

struct forecast model_forecast(const struct model *model, unsigned int at)
{
	const struct cell *cell = &model->cell[at];
	struct forecast forecast = { 0, 0 };
	bool gives = true, bus = false, warded = cell->flags & WARDED;

	if (!cell_is_mapped(cell) || cell->flags & GUARDED) {
		forecast.may = LOAD_SEGV | STORE_SEGV;
		return forecast;
	}
	if (cell_is_beyond(model, cell)) {
		gives = false;
		bus = true;
	} else if (cell->flags & ARMED) {
		gives = cell_presence(model, cell) != ABSENT;
		bus = cell_presence(model, cell) != PRESENT;
	}
	/* whether the mapping permits it is asked first */
	forecast.may |= cell->rights & MAY_LOAD ? gives * LOAD_GIVES | bus * LOAD_BUS : LOAD_SEGV;
	forecast.may |= cell->rights & MAY_STORE ? (gives && !warded) * STORE_TAKES |
							   (bus || warded) * STORE_BUS :
						   STORE_SEGV;
	if (cell->kind == SHARED)
		forecast.may |= ALIASED;
	if (gives) {
		forecast.value = value_of(model, cell);
		forecast.may |= (cell->flags & LAZY ? OR_ZERO : 0) |
				(cell->flags & ANY ? ANY_VALUE | OR_ZERO : 0);
	}
	return forecast;
}

bool forecast_allows(struct forecast forecast, enum access got, bool store)
{
	static const unsigned int bit[] = { [ACCESS_OK] = LOAD_GIVES,
					    [ACCESS_SEGV] = LOAD_SEGV,
					    [ACCESS_BUS] = LOAD_BUS };
	unsigned int wanted = store ? bit[got] * (STORE_TAKES / LOAD_GIVES) : bit[got];

	return forecast.may & wanted;
}

bool forecast_has(struct forecast forecast, uint32_t value)
{
	return value == forecast.value || (value == 0 && forecast.may & OR_ZERO) ||
	       forecast.may & ANY_VALUE;
}

bool cell_continues(const struct cell *first, const struct cell *second, unsigned int distance)
{
	if (first->kind != second->kind || first->rights != second->rights)
		return false;
	if ((first->flags ^ second->flags) & OF_MAPPING)
		return false;
	return first->kind == ANON || first->kind == HOLE ||
	       (first->object == second->object && first->slot + distance == second->slot);
}

static void make_present(struct model *model, struct cell *cell)
{
	if (cell->kind == SHARED || cell->kind == COPY) {
		struct object *object = &model->object[cell->object];

		/* one that was only read is clean, and may be reclaimed */
		object->present[cell->slot] = object->value[cell->slot] ? PRESENT : UNSURE;
	}
	if (has_own_page(cell))
		cell->present = cell->flags & LAZY ? UNSURE : PRESENT;
}

void model_object_stored(struct model *model, unsigned int object, unsigned int slot,
			 uint32_t value, enum present present)
{
	model->object[object].value[slot] = value;
	model->object[object].present[slot] = present;
	for (struct cell *cell = model->cell; cell < model->cell + CELLS; cell++)
		if (cell->kind == COPY && cell->object == object && cell->slot == slot &&
		    cell->flags & MAYBE_OWN)
			cell->flags |= ANY;
}

void model_stored(struct model *model, unsigned int at, uint32_t value)
{
	struct cell *cell = &model->cell[at];

	if (cell->kind == SHARED) {
		model_object_stored(model, cell->object, cell->slot, value, PRESENT);
		return;
	}
	cell->flags &= ~(MAYBE_OWN | LAZY | ANY | WARDED);
	if (cell->kind == COPY)
		cell->flags |= OWN;
	cell->value = value;
	make_present(model, cell);
}

void model_loaded(struct model *model, unsigned int at)
{
	make_present(model, &model->cell[at]);
}

void model_populated(struct model *model, unsigned int at)
{
	struct cell *cell = &model->cell[at];

	if (cell->kind == COPY && !(cell->flags & OWN) && cell->rights & MAY_STORE)
		cell->flags |= MAYBE_OWN;
	if (has_own_page(cell) && cell->present == ABSENT)
		cell->present = UNSURE;
	if (cell->kind != ANON && !cell_is_beyond(model, cell) &&
	    model->object[cell->object].present[cell->slot] == ABSENT)
		model->object[cell->object].present[cell->slot] = UNSURE;
}

void model_dropped(struct model *model, unsigned int at)
{
	struct cell *cell = &model->cell[at];

	if (cell->kind == SHARED)
		return;
	cell->flags &= ~(OWN | MAYBE_OWN | LAZY | ANY | WARDED);
	cell->value = 0;
	cell->present = ABSENT;
}

void model_object_resized(struct model *model, unsigned int object, unsigned int cells)
{
	struct object *resized = &model->object[object];

	for (unsigned int slot = cells; slot < OBJECT_CELLS; slot++) {
		resized->value[slot] = 0;
		resized->present[slot] = ABSENT;
	}
	/* what is cut off goes with the private copies that were made of it */
	for (unsigned int at = 0; at < CELLS; at++)
		if (model->cell[at].kind == COPY && model->cell[at].object == object &&
		    model->cell[at].slot >= cells)
			model_dropped(model, at);
	resized->cells = cells;
}

void model_inherited(struct model *model)
{
	for (struct cell *cell = model->cell; cell < model->cell + CELLS; cell++) {
		if (cell->flags & KEPT_BACK) {
			*cell = (struct cell){ .kind = HOLE };
			continue;
		}
		if (cell->flags & WIPED) {
			cell->flags &= ~(LAZY | ANY | GUARDED);
			cell->value = 0;
			cell->present = ABSENT;
		}
		/* page tables are copied only where something was stored */
		if (has_own_page(cell) && cell->present == PRESENT && !cell->value)
			cell->present = UNSURE;
		cell->flags &= ~(LOCKED | ARMED | WARDABLE | WARDED);
	}
}

void model_settle(struct model *model)
{
	for (struct cell *cell = model->cell; cell < model->cell + CELLS; cell++) {
		bool appears = (model->watched || model->crowded) && !(cell->flags & ARMED);

		if (appears && has_own_page(cell) && cell->present == ABSENT)
			cell->present = UNSURE;
		if (model->watched && cell->kind == COPY && cell->rights & MAY_STORE &&
		    !(cell->flags & OWN) && !cell_is_beyond(model, cell))
			cell->flags |= MAYBE_OWN;
	}
	for (struct object *object = model->object; object < model->object + OBJECTS; object++)
		for (unsigned int slot = 0;
		     slot < object->cells && (model->watched || model->crowded); slot++)
			if (object->present[slot] == ABSENT)
				object->present[slot] = UNSURE;
}

unsigned int model_free_object(const struct model *model)
{
	bool used[OBJECTS] = { false };

	for (unsigned int at = 0; at < CELLS; at++)
		if (model->cell[at].kind == SHARED || model->cell[at].kind == COPY)
			used[model->cell[at].object] = true;
	for (unsigned int object = FILES; object < OBJECTS; object++)
		if (!used[object])
			return object;
	return OBJECTS;
}

unsigned int model_count(const struct model *model, unsigned int flag)
{
	unsigned int count = 0;

	for (const struct cell *cell = model->cell; cell < model->cell + CELLS; cell++)
		count += cell_is_mapped(cell) && (!flag || cell->flags & flag);
	return count;
}
