#include "progress.h"

#include <stdio.h>

#include "clock.h"
#include "ktap.h"
#include "stall.h"

#define WEIGHINGS 8                     /* of one hang: how often it is looked at */
#define STARVED 3                       /* who gets no CPU is given this many times as long as others */
#define USES_CPU 4                      /* who runs this part of the time is at work, and no victim of the others */
#define HANG_LINES 6

/* what the tasks of a subtest are like that somebody may be waiting for */
struct others {
	const struct progress *progress;
	int64_t now;
	bool is_stopped;                /* by a signal */
	bool wants_cpu;                 /* and could run, if it had one */
};

void progress_begin(struct progress *progress, struct board *board, pid_t group, double hang_after_s)
{
	int64_t now = clock_ns();

	*progress = (struct progress){
		.board = board, .group = group, .hang_ns = (int64_t)(hang_after_s * NS_PER_S),
		.begin_ns = now, .last_move_ns = now, .weighed_ns = now,
	};
	for (unsigned int i = 0; i < BOARD_SLOTS; i++)
		progress->used_ms[i] = -1;
}

static void forgive(struct progress *progress, int64_t stood_ns)
{
	progress->stood_ns += stood_ns;
	progress->last_move_ns += stood_ns;
	if (progress->stopped_ns)
		progress->stopped_ns += stood_ns;
	for (unsigned int i = 0; i < BOARD_SLOTS; i++)
		if (progress->moved_ns[i])
			progress->moved_ns[i] += stood_ns;
}

void progress_forgive(struct progress *progress, int64_t stood_ns)
{
	forgive(progress, stood_ns);
	progress->weighed_ns += stood_ns;
}

void progress_look(struct progress *progress, int64_t now)
{
	for (unsigned int i = 0; i < board_used(progress->board); i++) {
		uint64_t count = slot_total(&progress->board->slot[i]);

		if (count != progress->seen[i]) {
			progress->seen[i] = count;
			progress->moved_ns[i] = progress->last_move_ns = now;
			progress->idle_ns[i] = 0;
			progress->used_ms[i] = -1;
		}
	}
}

/* since when it has done nothing; 0: it may still be waiting for something to do, or has nothing to do any more */
static int64_t idle_since(const struct progress *progress, unsigned int i)
{
	const struct slot *slot = &progress->board->slot[i];

	if (!atomic_load(&slot->ready) || slot->kind != SLOT_WORKER || !atomic_load(&slot->thread) ||
	    atomic_load(&slot->finished))
		return 0;
	return progress->moved_ns[i] ? progress->moved_ns[i] : progress->stopped_ns;
}

/* long enough that it may be going to hang */
static bool is_suspect(const struct progress *progress, unsigned int i, int64_t now)
{
	int64_t since = idle_since(progress, i);

	return since && now - since > progress->hang_ns / USES_CPU;
}

/* A worker that gets on keeps nobody waiting, however little CPU it has. */
static bool gets_on(const struct progress *progress, int thread, int64_t now)
{
	for (unsigned int i = 0; i < BOARD_SLOTS; i++)
		if (atomic_load(&progress->board->slot[i].thread) == thread)
			return !is_suspect(progress, i, now);
	return false;
}

static void look_at_task(int thread, char state, void *arg)
{
	struct others *others = arg;

	if (state == 'T' || state == 't')
		others->is_stopped = true;
	else if (state == 'R' && !gets_on(others->progress, thread, others->now))
		others->wants_cpu = true;
}

/* How much of a span without progress counts for a thread. All of it when it sleeps, as nobody can help it, or when it runs
 * and gets nowhere. Less when it could run and got no CPU, or when it sleeps and somebody could run who may be whom it
 * waits for: a child, or the holder of a lock. Their progress cannot be seen, so it is not given for ever. */
static int64_t weigh(struct progress *progress, unsigned int i, const struct others *others, int64_t span)
{
	int thread = atomic_load(&progress->board->slot[i].thread);
	long used_ms = stall_cpu_ms(thread), before_ms = progress->used_ms[i];

	progress->used_ms[i] = used_ms;
	if (stall_sleeps(thread))
		return others->wants_cpu ? span / STARVED : span;
	/* a quarter of the time is more than housekeeping */
	return before_ms >= 0 && used_ms - before_ms >= span / NS_PER_MS / USES_CPU ? span : span / STARVED;
}

static void name_hang(struct progress *progress, unsigned int i, int64_t now)
{
	const struct slot *slot = &progress->board->slot[i];
	char where[128];

	stall_describe(atomic_load(&slot->thread), where, sizeof(where));
	snprintf(progress->hang, sizeof(progress->hang), "thread %s/%u made no progress for %.1f s: %s", slot->name, slot->id,
		 (double)(now - idle_since(progress, i)) / NS_PER_S, where);
}

static bool has_hung_thread(struct progress *progress, const struct others *others, int64_t now, int64_t span)
{
	for (unsigned int i = 0; i < BOARD_SLOTS; i++) {
		if (!is_suspect(progress, i, now))
			continue;
		progress->idle_ns[i] += weigh(progress, i, others, progress->idle_ns[i] ? span : now - idle_since(progress, i));
		if (progress->idle_ns[i] > progress->hang_ns) {
			name_hang(progress, i, now);
			return true;
		}
	}
	return false;
}

/* 0 while others are at work */
static int64_t main_idle_ns(const struct progress *progress, int64_t now)
{
	int64_t since = progress->stopped_ns > progress->last_move_ns ? progress->stopped_ns : progress->last_move_ns;

	return progress->stopped_ns ? now - since : 0;
}

/* no worker hangs: setting up or cleaning up does */
static bool has_hung_main(struct progress *progress, int64_t now)
{
	char where[128];

	if (main_idle_ns(progress, now) <= STARVED * progress->hang_ns)
		return false;
	stall_describe(progress->group, where, sizeof(where));
	snprintf(progress->hang, sizeof(progress->hang), "the main thread does not finish, last progress %.1f s ago: %s",
		 (double)(now - progress->last_move_ns) / NS_PER_S, where);
	return true;
}

bool progress_hangs(struct progress *progress, int64_t now)
{
	struct others others = { .progress = progress, .now = now };
	int64_t span = now - progress->weighed_ns;
	unsigned int suspects = 0;

	if (span < progress->hang_ns / WEIGHINGS)
		return false;
	progress->weighed_ns = now;
	for (unsigned int i = 0; i < BOARD_SLOTS; i++)
		suspects += is_suspect(progress, i, now);
	if (!suspects && main_idle_ns(progress, now) <= progress->hang_ns)
		return false;
	stall_each_of_group(progress->group, look_at_task, &others);
	if (others.is_stopped) {
		/* whoever stopped it: those that wait for it are no worse for it */
		forgive(progress, span);
		return false;
	}
	return has_hung_thread(progress, &others, now, span) || has_hung_main(progress, now);
}

void progress_print(const struct progress *progress, int64_t now)
{
	unsigned int lines = 0;

	for (unsigned int i = 0; i < BOARD_SLOTS && lines < HANG_LINES; i++) {
		const struct slot *slot = &progress->board->slot[i];
		int thread = atomic_load(&slot->thread);
		char where[128] = "";

		if (!atomic_load(&slot->ready) || slot->kind != SLOT_WORKER || atomic_load(&slot->finished))
			continue;
		if (thread)
			stall_describe(thread, where, sizeof(where));
		ktap_diagnostic("hang: thread %s/%u last progress %.1f s ago, after %llu operations%s%s", slot->name, slot->id,
				(double)(now - (progress->moved_ns[i] ? progress->moved_ns[i] : progress->begin_ns)) / NS_PER_S,
				(unsigned long long)progress->seen[i], where[0] ? ": " : "", where);
		lines++;
	}
}
