/* Does the harness notice? Subtests that go wrong on purpose, each in one way; run.sh knows what each must give. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"

static void idle(struct worker *worker)
{
	while (worker_continue(worker))
		clock_sleep_ms(1);
}

static void busy(struct worker *worker)
{
	while (worker_continue(worker))
		worker_did(worker);
}

/* as a thread that the kernel never lets go */
static void deaf(struct worker *worker)
{
	worker_did(worker);
	for (;;)
		clock_sleep_ms(100);
}

/* as a thread that looks a VMA up for ever */
static void spin(struct worker *worker)
{
	worker_did(worker);
	for (;;)
		;
}

/* as a thread that an oops has killed */
static void vanish(struct worker *worker)
{
	worker_did(worker);
	syscall(SYS_exit, 0);
}

static void wild(struct worker *worker)
{
	worker_did(worker);
	*(volatile uint64_t *)area_reserve(worker->run, 1) = 1;
}

static void talkative(struct worker *worker)
{
	for (unsigned int i = 0; worker_continue(worker); i++) {
		run_fail(worker->run, "failure %u", i);
		worker_did(worker);
	}
}

static void stop_all_for_a_while(struct run *run, void *arg)
{
	const pid_t *pids = arg;

	(void)run;
	/* once they have been seen at work */
	clock_sleep_ms(100);
	kill(pids[0], SIGSTOP);
	kill(pids[1], SIGSTOP);
	clock_sleep_ms(1500);
	kill(pids[0], SIGCONT);
	/* the supervisor looks first, at threads that have done nothing since */
	clock_sleep_ms(100);
	kill(pids[1], SIGCONT);
}

/* as on a machine that is stopped and goes on later */
static void stand_still(struct worker *worker)
{
	pid_t pids[] = { getppid(), getpid() };

	worker_did(worker);
	child_wait(worker->run, child_start(worker->run, stop_all_for_a_while, pids));
	busy(worker);
}

static void stop_for_a_while(struct run *run, void *arg)
{
	(void)run;
	(void)arg;
	kill(getpid(), SIGSTOP);
}

static void let_go(struct run *run, void *arg)
{
	(void)run;
	clock_sleep_ms(2000);
	kill(*(pid_t *)arg, SIGCONT);
}

/* waits for a child that somebody else keeps from running, for longer than any patience */
static void wait_for_stopped(struct worker *worker)
{
	pid_t child = child_start(worker->run, stop_for_a_while, NULL);

	worker_did(worker);
	child_wait(worker->run, child_start(worker->run, let_go, &child));
	child_wait(worker->run, child);
	busy(worker);
}

/* for a while nobody else runs on the first CPU */
static void hog_cpu(struct run *run, void *arg)
{
	struct sched_param first = { .sched_priority = 1 };
	int64_t end;

	/* none of those that the supervisor looks at */
	setpgid(0, 0);
	worker_share_cpu();
	if (sched_setscheduler(0, SCHED_FIFO, &first) != 0)
		run_fail_errno(run, "SCHED_FIFO");
	atomic_store((_Atomic bool *)arg, true);
	for (end = clock_ns() + 900 * NS_PER_MS; clock_ns() < end;)
		;
}

static void run_on_first_cpu(struct run *run, void *arg)
{
	(void)run;
	/* asleep it would wait for somebody whom the supervisor does not see, and who may be late on a busy machine */
	while (!atomic_load((_Atomic bool *)arg))
		;
	worker_share_cpu();
}

static bool has_ended(pid_t child)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, child, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == child;
}

/* waits for a child that could run and gets no CPU */
static void wait_for_starved(struct worker *worker)
{
	_Atomic bool *hogged = area_reserve(worker->run, 1);
	pid_t hog, starved;

	area_map(worker->run, hogged, 1, PROT_READ | PROT_WRITE, MAP_SHARED, -1, 0);
	worker_did(worker);
	starved = child_start(worker->run, run_on_first_cpu, hogged);
	hog = child_start(worker->run, hog_cpu, hogged);
	child_wait(worker->run, starved);
	/* the hog is none of the subtest's: whoever waits for it has to get on */
	while (!has_ended(hog)) {
		worker_did(worker);
		clock_sleep_ms(1);
	}
	child_wait(worker->run, hog);
	busy(worker);
}

static void be_deaf(struct run *run, void *arg)
{
	(void)run;
	(void)arg;
	for (;;)
		clock_sleep_ms(100);
}

static void spin_alone(struct run *run, void *arg)
{
	(void)run;
	(void)arg;
	for (;;)
		;
}

static void wait_for_deaf(struct worker *worker)
{
	worker_did(worker);
	child_wait(worker->run, child_start(worker->run, be_deaf, NULL));
}

static void wait_for_spinning(struct worker *worker)
{
	worker_did(worker);
	child_wait(worker->run, child_start(worker->run, spin_alone, NULL));
}

/* as a thread that dies over its message */
static void fall_silent(struct worker *worker)
{
	worker_did(worker);
	atomic_fetch_add(&worker->run->board->failures, 1);
	run_fail(worker->run, "heard");
}

static void one_role(struct run *run, const char *name, void (*body)(struct worker *worker))
{
	const struct role roles[] = {
		{ .name = name, .body = body, .count = 1 },
		{ .name = "busy", .body = busy, .count = 1 },
	};

	crew_run(run, roles, COUNT_OF(roles));
}

static void stands_still(struct run *run) { one_role(run, "standing", stand_still); }
static void waits_for_stopped(struct run *run) { one_role(run, "waiting", wait_for_stopped); }
static void waits_for_deaf(struct run *run) { one_role(run, "waiting", wait_for_deaf); }
static void waits_for_spinning(struct run *run) { one_role(run, "waiting", wait_for_spinning); }
static void falls_silent(struct run *run) { one_role(run, "silent", fall_silent); }
static void passes(struct run *run) { one_role(run, "also-busy", busy); }
static void idle_role(struct run *run) { one_role(run, "idle", idle); }
static void hangs(struct run *run) { one_role(run, "deaf", deaf); }
static void spins(struct run *run) { one_role(run, "spinning", spin); }
static void thread_vanishes(struct run *run) { one_role(run, "vanishing", vanish); }
static void wild_access(struct run *run) { one_role(run, "wild", wild); }
static void many_failures(struct run *run) { one_role(run, "talkative", talkative); }
static void no_threads(struct run *run) { (void)run; }
static void process_dies(struct run *run) { (void)run; kill(getpid(), SIGKILL); }
static void skips(struct run *run) { run_skip(run, "for the sake of it"); }

static void waits_for_starved(struct run *run)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2 || geteuid() != 0)
		run_skip(run, "needs two CPUs and the right to keep one busy");
	else
		one_role(run, "waiting", wait_for_starved);
}

static void no_event(struct run *run)
{
	run_event(run, SLOT_REQUIRED, "never_seen");
	one_role(run, "also-busy", busy);
}

static void die(struct run *run, void *arg)
{
	(void)run;
	(void)arg;
	kill(getpid(), SIGSEGV);
	kill(getpid(), SIGKILL);
}

static void child_dies(struct run *run)
{
	child_wait(run, child_start(run, die, NULL));
	one_role(run, "also-busy", busy);
}

/* ---- the judgement, row by row ---- */

#define WORD(generation, may) ((uint64_t)(generation) << 32 | (may))
/* tag_make(), spelled out: a table needs constants, and a mistake in tag_make() must not cancel out */
#define TAG(owner, page, generation) \
	(UINT64_C(0xa5) << 56 | (uint64_t)(owner) << 48 | (uint64_t)(page) << 40 | (generation))

static const struct {
	const char *about;
	uint64_t before, after;
	enum access got;
	uint64_t value;
	bool zero_while_changing, always_mapped, wrong;
} rows[] = {
	{ "right tag", WORD(3, CLAIM_RW), WORD(3, CLAIM_RW), ACCESS_OK, TAG(1, 2, 3), false, false, false },
	{ "refused though mapped", WORD(3, CLAIM_RW), WORD(3, CLAIM_RW), ACCESS_SEGV, 0, false, false, true },
	{ "served though unmapped", WORD(3, CLAIM_NONE), WORD(3, CLAIM_NONE), ACCESS_OK, TAG(1, 2, 3), false, false, true },
	{ "refused and unmapped", WORD(3, CLAIM_NONE), WORD(3, CLAIM_NONE), ACCESS_SEGV, 0, false, false, false },
	{ "refused while changing", WORD(3, CLAIM_RW), WORD(3, CLAIM_ANY), ACCESS_SEGV, 0, false, false, false },
	{ "refused, must never be", WORD(3, CLAIM_RW), WORD(4, CLAIM_RW), ACCESS_SEGV, 0, false, true, true },
	{ "other owner", WORD(3, CLAIM_RW), WORD(3, CLAIM_RW), ACCESS_OK, TAG(2, 2, 3), false, false, true },
	{ "other page", WORD(3, CLAIM_RW), WORD(3, CLAIM_RW), ACCESS_OK, TAG(1, 3, 3), false, false, true },
	{ "old generation", WORD(3, CLAIM_RW), WORD(4, CLAIM_RW), ACCESS_OK, TAG(1, 2, 2), false, false, true },
	{ "generation in between", WORD(3, CLAIM_RW), WORD(5, CLAIM_RW), ACCESS_OK, TAG(1, 2, 4), false, false, false },
	{ "generation to come", WORD(3, CLAIM_RW), WORD(3, CLAIM_RW), ACCESS_OK, TAG(1, 2, 4), false, false, true },
	{ "next, announced", WORD(3, CLAIM_RW), WORD(3, CLAIM_RW | MAY_BE_NEXT), ACCESS_OK, TAG(1, 2, 4), false, false, false },
	{ "zero", WORD(3, CLAIM_RW), WORD(3, CLAIM_RW), ACCESS_OK, 0, true, false, true },
	{ "zero, fresh", WORD(3, CLAIM_RW | MAY_BE_ZERO), WORD(3, CLAIM_RW | MAY_BE_ZERO), ACCESS_OK, 0, false, false, false },
	{ "zero while changing", WORD(3, CLAIM_RW), WORD(4, CLAIM_RW), ACCESS_OK, 0, true, false, false },
	{ "zero while changing a file", WORD(3, CLAIM_RW), WORD(4, CLAIM_RW), ACCESS_OK, 0, false, false, true },
	{ "no tag", WORD(3, CLAIM_RW), WORD(4, CLAIM_RW), ACCESS_OK, 77, true, false, true },
	{ "SIGBUS", WORD(3, CLAIM_ANY), WORD(4, CLAIM_ANY), ACCESS_BUS, 0, true, false, true },
};

#define FRESH (CLAIM_ANY | MAY_BE_ZERO)

/* what the kernel copied, maybe byte by byte */
static const struct {
	const char *about;
	uint64_t before, after, value;
	bool zero_while_changing, wrong;
} copies[] = {
	{ "zero and then the tag", WORD(0xef9, FRESH), WORD(0xef9, FRESH), TAG(1, 2, 0xe00), true, false },
	{ "the same of a settled page", WORD(0xef9, CLAIM_RW), WORD(0xef9, CLAIM_RW), TAG(1, 2, 0xe00), true, true },
	{ "the same of a page that is never zero", WORD(0xef8, CLAIM_RW), WORD(0xef9, CLAIM_RW), TAG(1, 2, 0xe00), false, true },
	{ "one tag and then the next", WORD(0x1ff, CLAIM_RW), WORD(0x200, CLAIM_RW), TAG(1, 2, 0x2ff), true, false },
	{ "an old tag", WORD(0xef9, CLAIM_RW), WORD(0xefa, CLAIM_RW), TAG(1, 2, 0xef8), true, true },
	{ "half of another page's tag", WORD(0xef9, FRESH), WORD(0xef9, FRESH), TAG(1, 3, 0xe00), true, true },
};

static void judge_copies(struct run *run)
{
	for (size_t i = 0; i < COUNT_OF(copies); i++) {
		struct expected want = {
			.owner = 1, .page = 2, .zero_while_changing = copies[i].zero_while_changing, .copied = true,
		};
		const char *wrong = claim_judge_load(copies[i].before, copies[i].after, ACCESS_OK, copies[i].value, want);

		if (!!wrong != copies[i].wrong)
			run_fail(run, "copied: %s: judged %s", copies[i].about, wrong ? wrong : "fine");
		want.copied = false;
		if (!claim_judge_load(copies[i].before, copies[i].after, ACCESS_OK, copies[i].value, want))
			run_fail(run, "loaded: %s: judged fine", copies[i].about);
	}
}

static void judge(struct run *run)
{
	judge_copies(run);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct expected want = {
			.owner = 1, .page = 2, .zero_while_changing = rows[i].zero_while_changing,
			.always_mapped = rows[i].always_mapped,
		};
		const char *wrong = claim_judge_load(rows[i].before, rows[i].after, rows[i].got, rows[i].value, want);

		if (!!wrong != rows[i].wrong)
			run_fail(run, "%s: judged %s", rows[i].about, wrong ? wrong : "fine");
	}
	if (!claim_judge_store(WORD(1, CLAIM_RO), WORD(1, CLAIM_RO), ACCESS_OK))
		run_fail(run, "a store while read-only was found fine");
	if (!claim_judge_store(WORD(1, CLAIM_RW), WORD(1, CLAIM_RW), ACCESS_SEGV))
		run_fail(run, "a refused store while writable was found fine");
	one_role(run, "also-busy", busy);
}

int main(int argc, char **argv)
{
	static const struct subtest subtests[] = {
		{ .name = "passes", .body = passes },
		{ .name = "judge", .body = judge },
		{ .name = "skips", .body = skips },
		{ .name = "idle-role", .body = idle_role },
		{ .name = "no-event", .body = no_event },
		{ .name = "no-threads", .body = no_threads },
		{ .name = "no-counter", .body = passes, .moves = { "no_such_counter" } },
		{ .name = "falls-back", .body = passes, .locked_percent = 101 },
		{ .name = "many-failures", .body = many_failures },
		{ .name = "wild-access", .body = wild_access },
		{ .name = "thread-vanishes", .body = thread_vanishes },
		{ .name = "child-dies", .body = child_dies },
		{ .name = "process-dies", .body = process_dies },
		{ .name = "stands-still", .body = stands_still },
		{ .name = "waits-for-stopped", .body = waits_for_stopped },
		{ .name = "waits-for-starved", .body = waits_for_starved },
		{ .name = "falls-silent", .body = falls_silent },
		{ .name = "spins", .body = spins },
		{ .name = "waits-for-deaf", .body = waits_for_deaf },
		{ .name = "waits-for-spinning", .body = waits_for_spinning },
		{ .name = "hangs", .body = hangs },
		{ .name = "after-hang", .body = passes },
	};

	return case_main(argc, argv, subtests, COUNT_OF(subtests));
}
