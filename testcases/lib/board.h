/* The board: memory shared by the supervisor, the process that runs a subtest, and its children.
 * All that the supervisor needs to report lies here, so it can report also when those processes are stuck in
 * the kernel or dead. */
#ifndef BOARD_H
#define BOARD_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BOARD_SLOTS 160                 /* threads and processes of all roles, and events */
#define BOARD_STRIPES 16                /* in which the threads of a process share an event's count */
#define BOARD_LINES 8                   /* with "more failures" and the seed line: at most 10 lines */
#define BOARD_LINE_MAX 240
#define BOARD_NAME_MAX 24

enum slot_kind {
	SLOT_WORKER,                    /* one thread or process; zero operations for its role is a failure */
	SLOT_REQUIRED,                  /* an event that must happen, or the subtest proved nothing */
	SLOT_EVENT,                     /* an event worth counting */
};

/* Of a cache line each: threads that count one event must not wait for each other, or their page faults hardly meet. */
struct stripe {
	_Alignas(64) _Atomic uint64_t count;
};

struct slot {
	struct stripe stripe[BOARD_STRIPES];  /* a worker counts in the first alone */
	_Atomic bool finished;
	_Atomic int thread;             /* the kernel's id of it; 0: none, or several after another */
	_Atomic bool ready;             /* the fields below are valid */
	enum slot_kind kind;
	unsigned int id;
	char name[BOARD_NAME_MAX];
};

struct board {
	_Alignas(64) _Atomic bool stop;
	_Alignas(64) _Atomic bool exercising;
	_Atomic uint64_t failures;
	_Atomic bool line_ready[BOARD_LINES];
	char line[BOARD_LINES][BOARD_LINE_MAX];
	_Atomic bool skipped;
	char skip_reason[BOARD_LINE_MAX];
	_Atomic unsigned int slots_used;
	struct slot slot[BOARD_SLOTS];
};

struct board *board_create(void);
void board_destroy(struct board *board);

/* NULL when the board is full: more threads than any case may have */
struct slot *board_slot(struct board *board, enum slot_kind kind, const char *name, unsigned int id);
struct slot *board_find(struct board *board, const char *name, unsigned int id);

void board_fail(struct board *board, const char *fmt, va_list args);
void board_skip(struct board *board, const char *fmt, va_list args);

/* how many slots have been given away */
unsigned int board_used(const struct board *board);

/* all stripes of a slot */
uint64_t slot_total(const struct slot *slot);

/* sum over the slots of one name; used to tell "did nothing" */
uint64_t board_total(struct board *board, const char *name);

#endif
