// SPDX-License-Identifier: GPL-2.0
#include "ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

static const struct {
	const char *name;
	unsigned int weight;
} table[OP_KINDS] = {
	[OP_MAP] = { "map", 120 },
	[OP_MAP_REFUSED] = { "map-refused", 12 },
	[OP_REMAP] = { "remap", 12 },
	[OP_UNMAP] = { "unmap", 30 },
	[OP_PROTECT] = { "protect", 80 },
	[OP_MOVE] = { "move", 50 },
	[OP_MOVE_KEEP] = { "move-keep", 20 },
	[OP_GROW] = { "grow", 30 },
	[OP_SHRINK] = { "shrink", 15 },
	[OP_DONTNEED] = { "dontneed", 40 },
	[OP_FREE] = { "free", 20 },
	[OP_COLD] = { "cold", 8 },
	[OP_PAGEOUT] = { "pageout", 8 },
	[OP_POPULATE] = { "populate", 20 },
	[OP_HUGE] = { "huge", 20 },
	[OP_COLLAPSE] = { "collapse", 4 },
	[OP_HINT] = { "hint", 30 },
	[OP_REMOVE] = { "remove", 15 },
	[OP_WIPE] = { "wipe-on-fork", 12 },
	[OP_KEEP_BACK] = { "keep-from-fork", 12 },
	[OP_GUARD] = { "guard", 15 },
	[OP_UNGUARD] = { "unguard", 10 },
	[OP_LOCK] = { "lock", 20 },
	[OP_LOCK_LATER] = { "lock-on-fault", 20 },
	[OP_UNLOCK] = { "unlock", 30 },
	[OP_LOCK_ALL] = { "lock-all", 3 },
	[OP_NAME] = { "name", 12 },
	[OP_MERGEABLE] = { "mergeable", 12 },
	[OP_POLICY] = { "policy", 12 },
	[OP_CLEAR_REFS] = { "clear-refs", 4 },
	[OP_SYNC] = { "sync", 5 },
	[OP_RESIDENT] = { "resident", 20 },
	[OP_STORE] = { "store", 200 },
	[OP_LOAD] = { "load", 150 },
	[OP_MEM_STORE] = { "mem-store", 20 },
	[OP_MEM_LOAD] = { "mem-load", 20 },
	[OP_VM_STORE] = { "vm-store", 20 },
	[OP_VM_LOAD] = { "vm-load", 20 },
	[OP_FILE_STORE] = { "file-store", 20 },
	[OP_FILE_LOAD] = { "file-load", 15 },
	[OP_RESIZE] = { "resize", 10 },
	[OP_ARM] = { "arm", 20 },
	[OP_DISARM] = { "disarm", 10 },
	[OP_FILL] = { "fill", 30 },
	[OP_FILL_ZERO] = { "fill-zero", 10 },
	[OP_FILL_MOVE] = { "fill-move", 20 },
	[OP_WARD] = { "ward", 20 },
	[OP_UNWARD] = { "unward", 8 },
	[OP_FORK] = { "fork", 4 },
	[OP_VFORK] = { "vfork", 2 },
	[OP_HEAP] = { "heap", 30 },
	[OP_STACK] = { "stack", 30 },
	[OP_COUNTS] = { "counts", 8 },
	[OP_MAPS] = { "maps", 6 },
	[OP_VERIFY] = { "verify", 12 },
};

const char *op_name(enum op_kind kind)
{
	return table[kind].name;
}

static void sum_up(struct weights *weights)
{
	weights->sum = 0;
	for (unsigned int kind = 0; kind < OP_KINDS; kind++)
		weights->sum += weights->of[kind];
}

struct weights weights_default(void)
{
	struct weights weights;

	for (unsigned int kind = 0; kind < OP_KINDS; kind++)
		weights.of[kind] = table[kind].weight;
	sum_up(&weights);
	return weights;
}

static enum op_kind kind_named(const char *name, size_t length)
{
	unsigned int kind = 0;

	while (kind < OP_KINDS &&
	       (strlen(table[kind].name) != length || strncmp(table[kind].name, name, length) != 0))
		kind++;
	return kind;
}

bool weights_change(struct weights *weights, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, ":");
		enum op_kind kind = kind_named(text, length);
		char *end;

		if (kind == OP_KINDS || text[length] != ':' || text[length + 1] < '0' ||
		    text[length + 1] > '9')
			return false;
		weights->of[kind] = strtoul(text + length + 1, &end, 10) % 100000;
		if (*end && *end != ',')
			return false;
		text = *end ? end + 1 : end;
	}
	sum_up(weights);
	return weights->sum > 0;
}

static enum op_kind choose(const struct weights *weights, struct rng *rng)
{
	unsigned int point = rng_below(rng, weights->sum), kind = 0;

	for (; point >= weights->of[kind]; kind++)
		point -= weights->of[kind];
	return kind;
}

struct op op_random(const struct weights *weights, struct rng *rng)
{
	struct op op = { .kind = choose(weights, rng) };
	uint64_t bits = rng_next(rng);

	op.at = rng_below(rng, CELLS);
	/* mostly few: neighbours that differ are where VMAs split and merge */
	op.count = 1 + rng_below(rng, rng_one_in(rng, 4) ? CELLS / 2 : 4);
	op.a = bits;
	op.b = bits >> 8;
	op.seed = bits >> 32;
	return op;
}

uint8_t op_kind_mapped(const struct op *op)
{
	static const uint8_t kinds[] = { ANON, ANON, ANON, SHARED, SHARED, COPY, COPY, SHARED };

	return kinds[op->a % 8];
}

bool op_maps_own_object(const struct op *op)
{
	return op->a % 8 == 7;
}

bool op_spares(const struct op *op)
{
	return op->b & 16;
}

bool op_populates(const struct op *op)
{
	return op->b & 8;
}

unsigned int op_rights(const struct op *op)
{
	static const unsigned int choices[] = { 0, MAY_LOAD, MAY_LOAD | MAY_STORE,
						MAY_LOAD | MAY_STORE };

	return choices[op->kind == OP_MAP ? op->b % 4 : op->a % 4];
}

bool op_is_first(const struct op *op)
{
	return op->a % 2;
}

unsigned int op_file(const struct op *op)
{
	return op->seed % FILES;
}

unsigned int op_slot(const struct op *op)
{
	return op->kind == OP_MAP ? op->seed / FILES % OBJECT_CELLS : op->b % OBJECT_CELLS;
}

unsigned int op_target(const struct op *op, unsigned int at, unsigned int count)
{
	unsigned int to = op->b % (CELLS - count + 1);

	return to + count <= at || at + count <= to ? to : CELLS;
}

static const char *rights_name(const struct op *op)
{
	unsigned int rights = op_rights(op);

	return rights & MAY_STORE ? "rw" : rights ? "r" : "none";
}

static void describe_map(const struct op *op, char *text, size_t size)
{
	static const char *const names[] = { [ANON] = "private",
					     [SHARED] = "shared",
					     [COPY] = "private" };
	const char *name = names[op_kind_mapped(op)], *more = op_populates(op) ? " populate" : "";
	const char *spares = op_spares(op) ? " noreplace" : "";

	if (op_maps_own_object(op) || op_kind_mapped(op) == ANON)
		snprintf(text, size, "%s %s%s%s", name, rights_name(op), more, spares);
	else
		snprintf(text, size, "%s file %u from %u %s%s%s", name, op_file(op), op_slot(op),
			 rights_name(op), more, spares);
}

static void describe(const struct op *op, char *text, size_t size)
{
	text[0] = '\0';
	switch (op->kind) {
	case OP_MAP:
		describe_map(op, text, size);
		break;
	case OP_PROTECT:
		snprintf(text, size, "%s", rights_name(op));
		break;
	case OP_REMAP:
		snprintf(text, size, "from %u", op_slot(op));
		break;
	case OP_MOVE:
	case OP_MOVE_KEEP:
		snprintf(text, size, "to %u", op_target(op, op->at, op->count));
		break;
	case OP_RESIZE:
		snprintf(text, size, "file %u to %u", op_file(op), op_slot(op));
		break;
	case OP_FILE_STORE:
	case OP_FILE_LOAD:
		snprintf(text, size, "file %u at %u", op_file(op), op_slot(op));
		break;
	case OP_ARM:
		snprintf(text, size, "%s", op_is_first(op) ? "emptied" : "as it is");
		break;
	case OP_POPULATE:
		snprintf(text, size, "%s", op_is_first(op) ? "write" : "read");
		break;
	case OP_MERGEABLE:
	case OP_WIPE:
	case OP_KEEP_BACK:
		snprintf(text, size, "%s", op_is_first(op) ? "off" : "on");
		break;
	}
}

size_t op_print(const struct op *op, char *text, size_t size)
{
	char more[48];
	int length;

	describe(op, more, sizeof(more));
	length = snprintf(text, size, "%s %u+%u %x %x %x%s%s%s", op_name(op->kind), op->at,
			  op->count, op->a, op->b, op->seed, more[0] ? " (" : "", more,
			  more[0] ? ")" : "");
	return (size_t)length < size ? (size_t)length : size - 1;
}

bool op_parse(const char *text, struct op *op)
{
	unsigned int at, count, a, b, seed;
	char name[20], rest = '(';

	if (sscanf(text, "%19s %u+%u %x %x %x %c", name, &at, &count, &a, &b, &seed, &rest) < 6 ||
	    rest != '(')
		return false;
	*op = (struct op){ kind_named(name, strlen(name)), at, count, a, b, seed };
	return op->kind < OP_KINDS && at < CELLS && count >= 1 && count <= CELLS && a <= 255 &&
	       b <= 255;
}
