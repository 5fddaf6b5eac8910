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
#include "progress.h"
#include "words.h"

#define TICK_NS (10 * NS_PER_MS)
#define STANDSTILL_NS NS_PER_S
#define NAME_OF_ALL "vma_lock_success"  /* each subtest causes faults: some must be served under the lock of their VMA */

struct watch {
	const struct assignment *assignment;
	struct board *board;
	pid_t self, pid;                /* of the supervisor and of the subtest's process */
	int status;                     /* of waitpid */
	int64_t exercise_ns;            /* since when its threads are at work */
	struct progress progress;
	unsigned int lines;             /* failures printed so far */
	struct counters before;
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
		.settings = assignment->options->settings,
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
	progress_look(&watch->progress, now);
}

/* what has not happened yet and must: a role or required event that never did, or a counter that did not move */
static const char *first_not_exercised(struct watch *watch)
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
	return late >= grace_ns + watch->progress.stood_ns || (started && !first_not_exercised(watch));
}

static bool reaped(struct watch *watch)
{
	return waitpid(watch->pid, &watch->status, WNOHANG) == watch->pid;
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
			progress_forgive(&watch->progress, now - looked_ns);
		looked_ns = now;
		look_at_progress(watch, now);
		print_failures(watch, false);
		if (!watch->progress.stopped_ns && (time_is_up(watch, now) || atomic_load(&watch->board->stop))) {
			atomic_store(&watch->board->stop, true);
			watch->progress.stopped_ns = now;
		}
		if (progress_hangs(&watch->progress, now))
			return false;
	}
	look_at_progress(watch, clock_ns());
	return true;
}

/* each role's rate once, however many threads it has */
static void print_metrics(struct watch *watch, int64_t now)
{
	int64_t begin = watch->exercise_ns ? watch->exercise_ns : watch->progress.begin_ns;
	int64_t span = (watch->progress.stopped_ns ? watch->progress.stopped_ns : now) - begin;

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
				signal_words(WTERMSIG(watch->status)));
	else if (WEXITSTATUS(watch->status) && !atomic_load(&watch->board->failures))
		ktap_diagnostic("FAIL the process of this subtest exited with status %d", WEXITSTATUS(watch->status));
}

static enum outcome conclude(struct watch *watch, bool ended, const char *unexercised)
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
	return unexercised ? SUBTEST_NOT_EXERCISED : SUBTEST_OK;
}

static void print_result(struct watch *watch, enum outcome outcome, const char *unexercised, int64_t now)
{
	const struct assignment *assignment = watch->assignment;
	const char *name = assignment->subtest->name;
	int64_t time_ms = (now - watch->progress.begin_ns) / NS_PER_MS;

	if (outcome == SUBTEST_HUNG)
		ktap_hung(assignment->index, name, watch->progress.hang, time_ms);
	else if (outcome == SUBTEST_NOT_EXERCISED)
		ktap_not_exercised(assignment->index, name, unexercised, time_ms);
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
	watch->self = getpid();
	watch->pid = fork();
	if (watch->pid == 0)
		run_subtest(watch);
	progress_begin(&watch->progress, watch->board, watch->pid, watch->assignment->options->hang_after_s);
	return watch->pid > 0;
}

enum outcome supervise(const struct assignment *assignment)
{
	struct watch watch = { .assignment = assignment };
	struct counters after;
	enum outcome outcome;
	const char *unexercised;
	int64_t now;
	bool ended;

	counters_read(&watch.before);
	if (!start(&watch)) {
		ktap_diagnostic("FAIL cannot start: %s", error_words(errno));
		ktap_result(false, assignment->index, assignment->subtest->name, 0);
		return SUBTEST_FAILED;
	}
	ended = wait_for_end(&watch);
	now = clock_ns();
	counters_read(&after);
	print_failures(&watch, true);
	if (!ended)
		progress_print(&watch.progress, now);
	/* children of the subtest are in its process group, also those that outlived it */
	kill(-watch.pid, SIGKILL);
	unexercised = first_not_exercised(&watch);
	outcome = conclude(&watch, ended, unexercised);
	if (outcome == SUBTEST_SKIPPED) {
		ktap_skip(assignment->index, assignment->subtest->name, watch.board->skip_reason);
	} else {
		if (outcome != SUBTEST_OK)
			ktap_diagnostic("seed %llu threads %u", (unsigned long long)assignment->options->seed,
					assignment->options->threads);
		print_metrics(&watch, now);
		counters_print(&watch.before, &after);
		print_result(&watch, outcome, unexercised, now);
	}
	board_destroy(watch.board);
	return outcome;
}
