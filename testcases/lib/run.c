#define _GNU_SOURCE
#include "run.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crew.h"
#include "words.h"

static void post(struct board *board, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void post(struct board *board, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	board_fail(board, fmt, args);
	va_end(args);
}

void run_fail(struct run *run, const char *fmt, ...)
{
	const struct worker *worker = crew_self();
	char text[BOARD_LINE_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (worker)
		post(run->board, "%s/%u: %s", worker->role, worker->id, text);
	else
		post(run->board, "main: %s", text);
}

void run_fail_errno(struct run *run, const char *what)
{
	int error = errno;

	run_fail(run, "%s: %s (errno %d)", what, error_words(error), error);
}

void run_skip(struct run *run, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	board_skip(run->board, fmt, args);
	va_end(args);
}

bool run_stopping(const struct run *run)
{
	return atomic_load_explicit(&run->board->stop, memory_order_relaxed);
}

bool run_sabotaged(const struct run *run, const char *what)
{
	return run->sabotage && strcmp(run->sabotage, what) == 0;
}

const char *run_setting(const struct run *run, const char *name)
{
	size_t length = strlen(name);

	for (const char *const *setting = run->settings; setting && *setting; setting++)
		if (strncmp(*setting, name, length) == 0 && (*setting)[length] == '=')
			return *setting + length + 1;
	return NULL;
}

struct slot *run_event(struct run *run, enum slot_kind kind, const char *name)
{
	/* only the main thread asks before the crew starts, so find-then-create does not race */
	struct slot *slot = board_find(run->board, name, 0);

	return slot ? slot : board_slot(run->board, kind, name, 0);
}

void slot_hit(struct slot *slot)
{
	const struct worker *worker = crew_self();

	if (slot)
		atomic_fetch_add_explicit(&slot->stripe[worker ? worker->id % BOARD_STRIPES : 0].count, 1, memory_order_relaxed);
}

unsigned int run_threads_left(const struct run *run, unsigned int taken, unsigned int least)
{
	return run->threads >= taken + least ? run->threads - taken : least;
}
