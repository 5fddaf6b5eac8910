/* Why a process and not a watchdog thread: the kernel bugs we look for leave mmap_lock or a VMA lock held for ever.
 * A watchdog thread in the same mm would stop at its next page fault, and a process with a thread stuck in the
 * kernel cannot exit, so whoever waits for it or for the end of its output would hang too. The supervisor has an mm
 * of its own, and the stuck process holds none of its file descriptors. */
#define _GNU_SOURCE
#include "supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "counters.h"
#include "ktap.h"
#include "stall.h"

#define TICK_NS (10 * NS_PER_MS)
#define HANG_LINES 6
#define STANDSTILL_NS NS_PER_S
#define STARVED 3                       /* a thread that gets no CPU is given this many times as long as others */
#define NAME_OF_ALL "vma_lock_success"  /* each subtest causes faults: some must be served under the lock of their VMA */

struct watch {
	const struct assignment *assignment;
	struct board *board;
	pid_t self, pid;                /* of the supervisor and of the subtest's process */
	int status;                     /* of waitpid */
	int64_t begin_ns, exercise_ns, stopped_ns;
	uint64_t seen[BOARD_SLOTS];     /* counts at the last look */
	int64_t moved_ns[BOARD_SLOTS];  /* when each changed last */
	long used_ms[BOARD_SLOTS];      /* CPU time of its thread half way to being hung; 0: not there yet */
	int64_t last_move_ns;
	int64_t stood_ns;               /* in which nothing ran, see forgive() */
	unsigned int lines;             /* failures printed so far */
	struct counters before;
	char hang[200];                 /* the first thread that hangs, and where */
};

/* ---- in the child ---- */

static void detach_output(void)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	/* a sanitizer's report is wanted when the harness itself is debugged */
	if (!getenv("TESTCASE_KEEP_STDERR"))
		dup2(null, STDERR_FILENO);
	close(null);
}

static void run_subtest(const struct watch *watch) __attribute__((noreturn));

static void run_subtest(const struct watch *watch)
{
	const struct assignment *assignment = watch->assignment;
	struct run run = {
		.name = assignment->subtest->name, .sabotage = assignment->options->sabotage,
		.seed = assignment->options->seed, .threads = assignment->options->threads, .board = watch->board,
	};
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* it may have ended before that, and its orphans need not go to process 1 */
	if (getppid() != watch->self)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	detach_output();
	fault_init(&run);
	fault_thread_begin();
	assignment->subtest->body(&run);
	_exit(0);
}

/* ---- in the supervisor ---- */

/* In order, and while it runs only up to one that is still being written; at the end those behind it too, since its
 * thread may have died over it. */
static void print_failures(struct watch *watch, bool at_end)
{
	for (; watch->lines < BOARD_LINES; watch->lines++) {
		if (atomic_load(&watch->board->line_ready[watch->lines]))
			ktap_diagnostic("FAIL %s", watch->board->line[watch->lines]);
		else if (!at_end)
			break;
	}
}

static void look_at_progress(struct watch *watch, int64_t now)
{
	if (!watch->exercise_ns && atomic_load(&watch->board->exercising))
		watch->exercise_ns = now;
	for (unsigned int i = 0; i < BOARD_SLOTS; i++) {
		uint64_t count = atomic_load_explicit(&watch->board->slot[i].count, memory_order_relaxed);

		if (count != watch->seen[i]) {
			watch->seen[i] = count;
			watch->moved_ns[i] = watch->last_move_ns = now;
			watch->used_ms[i] = 0;
		}
	}
}

/* what has not happened yet and must: a role or required event that never did, or a counter that did not move */
static const char *first_idle(struct watch *watch)
{
	const struct subtest *subtest = watch->assignment->subtest;
	struct counters now;
	const char *still;

	for (unsigned int i = 0; i < BOARD_SLOTS; i++) {
		const struct slot *slot = &watch->board->slot[i];

		if (atomic_load(&slot->ready) && slot->kind != SLOT_EVENT && board_total(watch->board, slot->name) == 0)
			return slot->name;
	}
	if (!atomic_load(&watch->board->slots_used))
		return "no thread was started";
	counters_read(&now);
	still = counters_still(&watch->before, &now, subtest->moves, MOVES_MAX);
	if (!still && !subtest->no_faults)
		still = counters_still(&watch->before, &now, (const char *const[]){ NAME_OF_ALL }, 1);
	if (!still && counters_locked_percent(&watch->before, &now) < subtest->locked_percent)
		still = "most page faults fell back to mmap_lock";
	return still;
}

static bool time_is_up(struct watch *watch, int64_t now)
{
	int64_t late = now - watch->assignment->stop_ns;
	int64_t grace_ns = SUPERVISE_GRACE_NS * watch->assignment->options->slowdown;
	bool started = watch->exercise_ns && now - watch->exercise_ns >= 20 * TICK_NS;

	if (late < 0)
		return false;
	/* a slow machine gets some more time before "did not exercise" is said of it */
	return late >= grace_ns + watch->stood_ns || (started && !first_idle(watch));
}

static bool reaped(struct watch *watch)
{
	return waitpid(watch->pid, &watch->status, WNOHANG) == watch->pid;
}

/* since when it has done nothing; 0: it may still be waiting for something to do */
static int64_t idle_since(const struct watch *watch, unsigned int i)
{
	if (atomic_load(&watch->board->slot[i].finished))
		return 0;
	return watch->moved_ns[i] ? watch->moved_ns[i] : watch->stopped_ns;
}

/* Sleeps, or runs and gets nowhere; one that merely gets no CPU on a loaded machine has to be waited for. */
static bool is_stalled(struct watch *watch, unsigned int i, int64_t idle_ns)
{
	int64_t hang_ns = (int64_t)(watch->assignment->options->hang_after_s * NS_PER_S);
	int thread = atomic_load(&watch->board->slot[i].thread);

	if (!thread || idle_ns <= hang_ns / 2)
		return false;
	if (!watch->used_ms[i])
		watch->used_ms[i] = 1 + stall_cpu_ms(thread);
	if (idle_ns <= hang_ns)
		return false;
	/* a quarter of the other half is more than housekeeping */
	return stall_sleeps(thread) || stall_cpu_ms(thread) - watch->used_ms[i] > hang_ns / NS_PER_MS / 8 ||
	       idle_ns > STARVED * hang_ns;
}

/* Each thread by itself, all the time: others may go on happily beside one that waits for a lock that nobody will ever
 * give back, and those that wait for it to finish would be the only sign. */
static bool has_hung_thread(struct watch *watch, int64_t now)
{
	for (unsigned int i = 0; i < BOARD_SLOTS; i++) {
		const struct slot *slot = &watch->board->slot[i];
		int thread = atomic_load(&slot->thread);
		int64_t since = idle_since(watch, i);
		char where[128];

		if (!atomic_load(&slot->ready) || slot->kind != SLOT_WORKER || !since || !is_stalled(watch, i, now - since))
			continue;
		stall_describe(thread, where, sizeof(where));
		snprintf(watch->hang, sizeof(watch->hang), "thread %s/%u made no progress for %.1f s: %s", slot->name, slot->id,
			 (double)(now - since) / NS_PER_S, where);
		return true;
	}
	return false;
}

/* no worker to blame: setting up or cleaning up hangs */
static bool has_hung_main(struct watch *watch, int64_t now)
{
	int64_t hang_ns = (int64_t)(watch->assignment->options->hang_after_s * NS_PER_S);
	char where[128];

	if (!watch->stopped_ns || now - watch->stopped_ns <= STARVED * hang_ns || now - watch->last_move_ns <= STARVED * hang_ns)
		return false;
	stall_describe(watch->pid, where, sizeof(where));
	snprintf(watch->hang, sizeof(watch->hang), "the main thread does not finish, last progress %.1f s ago: %s",
		 (double)(now - watch->last_move_ns) / NS_PER_S, where);
	return true;
}

/* Not even the supervisor ran, as when the whole machine is stopped and goes on later: what did not move in that time
 * is no worse for it. */
static void forgive(struct watch *watch, int64_t stood_ns)
{
	watch->stood_ns += stood_ns;
	watch->last_move_ns += stood_ns;
	if (watch->stopped_ns)
		watch->stopped_ns += stood_ns;
	for (unsigned int i = 0; i < BOARD_SLOTS; i++) {
		if (watch->moved_ns[i])
			watch->moved_ns[i] += stood_ns;
		watch->used_ms[i] = 0;
	}
}

/* false: still there, and stuck */
static bool wait_for_end(struct watch *watch)
{
	struct timespec tick = { .tv_nsec = TICK_NS };
	int64_t looked_ns = clock_ns();
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	while (!reaped(watch)) {
		int64_t now;

		sigtimedwait(&child, NULL, &tick);
		now = clock_ns();
		if (now - looked_ns > STANDSTILL_NS)
			forgive(watch, now - looked_ns);
		looked_ns = now;
		look_at_progress(watch, now);
		print_failures(watch, false);
		if (!watch->stopped_ns && (time_is_up(watch, now) || atomic_load(&watch->board->stop))) {
			atomic_store(&watch->board->stop, true);
			watch->stopped_ns = now;
		}
		if (has_hung_thread(watch, now) || has_hung_main(watch, now))
			return false;
	}
	look_at_progress(watch, clock_ns());
	return true;
}

/* every thread that is not done, with what the kernel says of it */
static void print_hang(struct watch *watch, int64_t now)
{
	unsigned int lines = 0;

	for (unsigned int i = 0; i < BOARD_SLOTS && lines < HANG_LINES; i++) {
		const struct slot *slot = &watch->board->slot[i];
		int thread = atomic_load(&slot->thread);
		char where[128] = "";

		if (!atomic_load(&slot->ready) || slot->kind != SLOT_WORKER || atomic_load(&slot->finished))
			continue;
		if (thread)
			stall_describe(thread, where, sizeof(where));
		ktap_diagnostic("hang: thread %s/%u last progress %.1f s ago, after %llu operations%s%s", slot->name, slot->id,
				(double)(now - (watch->moved_ns[i] ? watch->moved_ns[i] : watch->begin_ns)) / NS_PER_S,
				(unsigned long long)watch->seen[i], where[0] ? ": " : "", where);
		lines++;
	}
}

/* each role's rate once, however many threads it has */
static void print_metrics(struct watch *watch, int64_t now)
{
	int64_t begin = watch->exercise_ns ? watch->exercise_ns : watch->begin_ns;
	int64_t span = (watch->stopped_ns ? watch->stopped_ns : now) - begin;

	for (unsigned int i = 0; i < BOARD_SLOTS; i++) {
		const struct slot *slot = &watch->board->slot[i];
		uint64_t total;

		if (!atomic_load(&slot->ready) || slot != board_find(watch->board, slot->name, slot->id) || slot->id != 0)
			continue;
		total = board_total(watch->board, slot->name);
		if (slot->kind == SLOT_WORKER)
			ktap_metric(slot->name, total * 1000 / (span > NS_PER_MS ? span / NS_PER_MS : 1), "ops/s");
		else
			ktap_metric(slot->name, total, "events");
	}
}

static void judge_death(struct watch *watch)
{
	if (WIFSIGNALED(watch->status))
		ktap_diagnostic("FAIL the process of this subtest died of signal %d (%s)", WTERMSIG(watch->status),
				sigdescr_np(WTERMSIG(watch->status)));
	else if (WEXITSTATUS(watch->status) && !atomic_load(&watch->board->failures))
		ktap_diagnostic("FAIL the process of this subtest exited with status %d", WEXITSTATUS(watch->status));
}

static enum outcome conclude(struct watch *watch, bool ended, const char *idle)
{
	uint64_t failures = atomic_load(&watch->board->failures);
	bool died = ended && watch->status != 0;

	if (!ended)
		return SUBTEST_HUNG;
	if (died)
		judge_death(watch);
	if (failures > BOARD_LINES)
		ktap_diagnostic("%llu more failures not shown", (unsigned long long)(failures - BOARD_LINES));
	if (failures || died)
		return SUBTEST_FAILED;
	if (atomic_load(&watch->board->skipped))
		return SUBTEST_SKIPPED;
	return idle ? SUBTEST_IDLE : SUBTEST_OK;
}

static void print_result(struct watch *watch, enum outcome outcome, const char *idle, int64_t now)
{
	const struct assignment *assignment = watch->assignment;
	const char *name = assignment->subtest->name;
	int64_t time_ms = (now - watch->begin_ns) / NS_PER_MS;

	if (outcome == SUBTEST_HUNG)
		ktap_hung(assignment->index, name, watch->hang, time_ms);
	else if (outcome == SUBTEST_IDLE)
		ktap_idle(assignment->index, name, idle, time_ms);
	else
		ktap_result(outcome == SUBTEST_OK, assignment->index, name, time_ms);
}

static bool start(struct watch *watch)
{
	sigset_t child;

	/* blocked, so that sigtimedwait() sees the end of the child at once */
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	watch->board = board_create();
	if (!watch->board)
		return false;
	watch->begin_ns = watch->last_move_ns = clock_ns();
	watch->self = getpid();
	watch->pid = fork();
	if (watch->pid == 0)
		run_subtest(watch);
	return watch->pid > 0;
}

enum outcome supervise(const struct assignment *assignment)
{
	struct watch watch = { .assignment = assignment };
	struct counters after;
	enum outcome outcome;
	const char *idle;
	int64_t now;
	bool ended;

	counters_read(&watch.before);
	if (!start(&watch)) {
		ktap_diagnostic("FAIL cannot start: %s", strerrordesc_np(errno));
		ktap_result(false, assignment->index, assignment->subtest->name, 0);
		return SUBTEST_FAILED;
	}
	ended = wait_for_end(&watch);
	now = clock_ns();
	counters_read(&after);
	print_failures(&watch, true);
	if (!ended)
		print_hang(&watch, now);
	/* children of the subtest are in its process group, also those that outlived it */
	kill(-watch.pid, SIGKILL);
	idle = first_idle(&watch);
	outcome = conclude(&watch, ended, idle);
	if (outcome == SUBTEST_SKIPPED) {
		ktap_skip(assignment->index, assignment->subtest->name, watch.board->skip_reason);
	} else {
		if (outcome != SUBTEST_OK)
			ktap_diagnostic("seed %llu threads %u", (unsigned long long)assignment->options->seed,
					assignment->options->threads);
		print_metrics(&watch, now);
		counters_print(&watch.before, &after);
		print_result(&watch, outcome, idle, now);
	}
	board_destroy(watch.board);
	return outcome;
}
