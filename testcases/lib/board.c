#include "board.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct board *board_create(void)
{
	void *memory = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void board_destroy(struct board *board)
{
	munmap(board, sizeof(*board));
}

struct slot *board_slot(struct board *board, enum slot_kind kind, const char *name, unsigned int id)
{
	unsigned int index = atomic_fetch_add(&board->slots_used, 1);
	struct slot *slot;

	if (index >= BOARD_SLOTS)
		return NULL;
	slot = &board->slot[index];
	slot->kind = kind;
	slot->id = id;
	snprintf(slot->name, sizeof(slot->name), "%s", name);
	atomic_store(&slot->ready, true);
	return slot;
}

unsigned int board_used(const struct board *board)
{
	unsigned int used = atomic_load(&board->slots_used);

	return used < BOARD_SLOTS ? used : BOARD_SLOTS;
}

struct slot *board_find(struct board *board, const char *name, unsigned int id)
{
	for (unsigned int i = 0; i < BOARD_SLOTS; i++) {
		struct slot *slot = &board->slot[i];

		if (atomic_load(&slot->ready) && slot->id == id && strcmp(slot->name, name) == 0)
			return slot;
	}
	return NULL;
}

void board_fail(struct board *board, const char *fmt, va_list args)
{
	uint64_t nth = atomic_fetch_add(&board->failures, 1);

	if (nth < BOARD_LINES) {
		vsnprintf(board->line[nth], BOARD_LINE_MAX, fmt, args);
		atomic_store(&board->line_ready[nth], true);
	}
	/* a full page of evidence is enough; more rounds on a corrupted kernel add nothing */
	if (nth + 1 >= BOARD_LINES)
		atomic_store(&board->stop, true);
}

void board_skip(struct board *board, const char *fmt, va_list args)
{
	vsnprintf(board->skip_reason, BOARD_LINE_MAX, fmt, args);
	atomic_store(&board->skipped, true);
}

uint64_t slot_total(const struct slot *slot)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < BOARD_STRIPES; i++)
		total += atomic_load_explicit(&slot->stripe[i].count, memory_order_relaxed);
	return total;
}

uint64_t board_total(struct board *board, const char *name)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < BOARD_SLOTS; i++) {
		struct slot *slot = &board->slot[i];

		if (atomic_load(&slot->ready) && strcmp(slot->name, name) == 0)
			total += slot_total(slot);
	}
	return total;
}
