"""Records -> results: to which case a kernel report is attributed, and what the outcome of the run itself is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.judge.attempts import classify
from orchestrator.judge.verdict import verdict
from orchestrator.model.attempt import Attempt, Condition, Count, Ending
from orchestrator.model.case import Dialect
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import KnownIssue
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import CaseResult, Metric, StageResult, SuiteReport
from orchestrator.runs.record import KernelRecord

WARNING = """\
[    5.000000][   T66] ------------[ cut here ]------------
[    5.000001][   T66] WARNING: CPU: 1 PID: 66 at mm/vma.c:100 unmap_region+0x10/0x20
[    5.000002][   T66] CPU: 1 UID: 0 PID: 66 Comm: fault-vs-munmap Not tainted 6.12.117 #1
[    5.000003][   T66] RIP: 0010:unmap_region+0x10/0x20
[    5.000004][   T66] Call Trace:
[    5.000005][   T66]  <TASK>
[    5.000006][   T66]  do_vmi_munmap+0x10/0x20
[    5.000007][   T66]  </TASK>
[    5.000008][   T66] ---[ end trace 0000000000000000 ]---
"""
QUIET = "[    1.000000][    T1] all is well\n"
GOOD = "KTAP version 1\n1..2\nok 1 a # time=10ms\nok 2 b # time=20ms\n"
TITLE = "WARNING in unmap_region"
BOOTED = StageResult("boot", Outcome.PASS, 2.0)


class Home:
    """A kernel's directory in the making, with one guest."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.attempts: list[Attempt] = []
        self.console = ""

    def say(self, text: str) -> None:
        self.console += text

    def case(self, name: str, stdout: str = GOOD, said: str = QUIET, **facts: object) -> None:
        """The next attempt of a case."""
        start = len(self.console)
        self.say(said)
        number = 1 + sum(attempt.case == name for attempt in self.attempts)
        attempt = Attempt(
            name, Ending.EXITED, status=0, duration_s=1.0, console_from=start, console_to=len(self.console),
            console="guest-0/console.log", number=number, seed=number,
        )  # fmt: skip
        where = self.path / attempt.home
        where.mkdir(parents=True)
        (where / "stdout").write_text(stdout)
        attempt = replace(attempt, stdout=f"{attempt.home}/stdout", stderr=f"{attempt.home}/stderr")
        self.attempts.append(replace(attempt, **facts))  # type: ignore[arg-type]

    def judge(
        self,
        known: tuple[KnownIssue, ...] = (),
        examined_at: int | None = None,
        boot: StageResult = BOOTED,
    ) -> SuiteReport:
        (self.path / "guest-0").mkdir(exist_ok=True)
        (self.path / "guest-0/console.log").write_text(self.console)
        record = KernelRecord(
            "base.patched",
            "base",
            Role.PATCHED,
            "2026-01-01T00:00:00",
            (replace(boot, examined_at=examined_at),),
            tuple(self.attempts),
            1,
        )
        return classify(record, self.path, known)

    def only(self) -> CaseResult:
        (case,) = self.judge().cases
        return case


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "base.patched")
    made.path.mkdir()
    made.say(QUIET)
    return made


def test_answers_to_our_own_questions_are_no_part_of_a_boot_that_hung(home: Home) -> None:
    home.say("[    3.000000][    T1] sysrq: Show Blocked State\n[    4.000000][    T1] its last words\n")
    examined_at = len(home.console)
    home.say("[   60.000000][    C0] sysrq: Show Blocked State\n" + WARNING)
    boot = home.judge(examined_at=examined_at).stages[0]
    assert "Show Blocked State" in boot.console, "somebody else's question"
    assert boot.console.endswith("its last words\n")
    assert not boot.kernel_reports


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("", "{panic}"),
        (WARNING, "{warning}; then {panic}"),
        ("[    5.000000][    T1] {panic}\n", "{panic}"),
        ("[    5.000000][    T1] {panic}\n" + WARNING, "{panic}"),
    ],
)
def test_the_first_bad_thing_that_a_kernel_said_explains_why_it_did_not_boot(home: Home, said: str, words: str) -> None:
    panic = "Kernel panic - not syncing: No working init found."
    home.say(said.format(panic=panic))
    failed = StageResult("boot", Outcome.CRASH, 2.0, f"{panic} (at boot)", is_patch_fault=True)
    (boot,) = home.judge(boot=failed).stages
    assert boot.message == words.format(warning=TITLE, panic=f"{panic} (at boot)")


def test_a_kernel_report_belongs_to_the_case_in_whose_window_it_came(home: Home) -> None:
    home.case("before")
    home.case("culprit", said=QUIET + WARNING + QUIET)
    home.case("after")
    before, culprit, after = home.judge().cases
    assert (before.outcome, culprit.outcome, after.outcome) == (Outcome.PASS, Outcome.FAIL, Outcome.PASS)
    assert culprit.message == TITLE
    assert not before.kernel_reports
    assert not after.kernel_reports
    assert "cut here" in culprit.console
    assert "cut here" not in after.console


@pytest.mark.parametrize(
    ("facts", "only"),
    [
        ({"said": WARNING}, True),
        ({"said": WARNING, "ending": Ending.STOPPED, "status": None}, True),
        ({"said": WARNING, "stdout": GOOD.replace("ok 2", "not ok 2"), "status": 1}, False),
        ({"said": WARNING, "status": 1}, False),
        ({"said": WARNING, "ending": Ending.TIMED_OUT}, False),
        ({"said": WARNING, "ending": Ending.GUEST_DIED, "status": None}, False),  # a warning kills nobody
        ({"status": 1}, False),
        ({}, False),
    ],
)
def test_whether_nothing_is_wrong_but_what_the_kernel_reported(home: Home, facts: dict[str, Any], only: bool) -> None:
    home.case("c", **facts)
    assert home.only().only_reports is only


def test_what_the_kernel_says_after_a_case_is_its_late_effect(home: Home) -> None:
    home.case("culprit")
    home.say(WARNING)
    home.case("after")
    culprit, after = home.judge().cases
    assert [kernel_report.title for kernel_report in culprit.kernel_reports] == [TITLE]
    assert after.outcome is Outcome.PASS


def suite_with(path: Path, consoles: tuple[str, ...], **facts: Any) -> SuiteReport:
    for number, text in enumerate(consoles):
        (path / f"guest-{number}").mkdir(parents=True)
        (path / f"guest-{number}/console.log").write_text(text)
    record = KernelRecord("base.patched", "base", Role.PATCHED, "2026-01-01T00:00:00", (BOOTED,))
    return classify(replace(record, guests=len(consoles), **facts), path)


def test_what_was_said_during_an_interrupted_attempt_is_about_that_case(tmp_path: Path) -> None:
    (tmp_path / "stdout").write_text(GOOD)
    ended = Attempt("before", Ending.EXITED, status=0, console="guest-0/console.log", stdout="stdout")
    begun = Attempt("tried", Ending.UNFINISHED, console="guest-0/console.log", console_from=len(QUIET))
    again = replace(ended, case="tried", console="guest-1/console.log", guest=1, number=2)
    report = suite_with(tmp_path, (QUIET + WARNING, QUIET), attempts=(ended, begun, again))
    assert [(case.case, case.outcome) for case in report.cases] == [("before", Outcome.PASS), ("tried", Outcome.FAIL)]
    assert report.stages[0].outcome is Outcome.PASS
    unfinished = suite_with(tmp_path / "2", (QUIET + WARNING,), attempts=(begun,))
    assert [(case.outcome, case.message, case.only_reports) for case in unfinished.cases] == [
        (Outcome.FAIL, f"{TITLE}; then it was interrupted", True)
    ]
    assert not suite_with(tmp_path / "3", (QUIET,), attempts=(begun,)).attempts, "nothing is known"


def test_the_result_of_a_case_is_the_worst_of_its_attempts_and_all_are_kept(home: Home) -> None:
    home.case("c")
    home.case("c", stdout=GOOD.replace("ok 2", "not ok 2"), status=1)
    home.case("c")
    report = home.judge()
    assert [(a.number, a.seed, a.outcome) for a in report.attempts] == [
        (1, 1, Outcome.PASS), (2, 2, Outcome.FAIL), (3, 3, Outcome.PASS),
    ]  # fmt: skip
    (case,) = report.cases
    assert (case.number, case.outcome, case.stdout) == (2, Outcome.FAIL, f"{home.path.name}/cases/c/2/stdout")


def test_halves_of_pairs_are_no_first_attempts(home: Home) -> None:
    """What was repeated because it had failed is selected: its result would be no result of the case."""
    home.case("c", said=WARNING)
    home.case("c", pair=1)
    home.case("c", status=1, pair=2)
    home.case("only-compared", pair=1)
    report = home.judge()
    assert [(case.case, case.message, case.number) for case in report.cases] == [("c", TITLE, 1)]
    assert [(a.case, a.pair) for a in report.attempts] == [("c", 0), ("c", 1), ("c", 2), ("only-compared", 1)]


NOT_EXERCISED = GOOD.replace("ok 1 a #", "not ok 1 a # did not exercise: toucher #")
SPOILT: dict[str, Any] = {"ending": Ending.HOST_LOST, "status": None, "reason": "QEMU was killed"}


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        (SPOILT, {}, Outcome.PASS),
        ({}, SPOILT, Outcome.PASS),
        (SPOILT, {"status": 1}, Outcome.FAIL),
        ({"ending": Ending.NO_GUEST, "status": None}, {}, Outcome.PASS),
        ({"stdout": NOT_EXERCISED, "status": 1}, {}, Outcome.PASS),
        ({"stdout": NOT_EXERCISED, "status": 1}, {"stdout": NOT_EXERCISED, "status": 1}, Outcome.NOT_EXERCISED),
        ({"stdout": NOT_EXERCISED, "status": 1}, {"status": 1}, Outcome.FAIL),
        (SPOILT, SPOILT, Outcome.ERROR),
    ],
)
def test_an_attempt_that_says_nothing_gives_way_to_one_that_does(
    home: Home, first: dict[str, Any], second: dict[str, Any], outcome: Outcome
) -> None:
    home.case("c", **first)
    home.case("c", **second)
    case = home.only()
    assert case.outcome is outcome
    assert case.is_host_fault is (first is second is SPOILT)


def test_a_boot_that_was_an_attempt_is_judged_by_what_the_kernel_said(home: Home) -> None:
    home.console = ""
    home.case("boot", said=QUIET, ending=Ending.BOOTED, pair=1)
    home.case("boot", said=WARNING, ending=Ending.BOOTED, pair=2)
    panic = "[    6.000000][   T66] Kernel panic - not syncing: No working init found.\n"
    home.case("boot", said=panic, ending=Ending.GUEST_DIED, status=None, reason="it did not boot", pair=3)
    home.case("boot", said="", ending=Ending.GUEST_DIED, status=None, reason="it hangs", pair=4)
    report = home.judge()
    assert [(a.outcome, a.message) for a in report.attempts] == [
        (Outcome.PASS, ""), (Outcome.FAIL, TITLE),
        (Outcome.CRASH, "Kernel panic: No working init found."), (Outcome.CRASH, "it hangs"),
    ]  # fmt: skip
    assert not report.cases
    assert (report.stages[0].outcome, report.stages[0].kernel_reports) == (Outcome.PASS, ()), "not said twice"


def test_guests_of_another_kernel_say_nothing_about_this_one(tmp_path: Path) -> None:
    report = suite_with(tmp_path, (WARNING, QUIET), first_guest=1)
    assert report.stages[0].outcome is Outcome.PASS
    assert report.stages[0].console == QUIET
    assert report.stages[0].log.endswith("guest-1/console.log")


def test_what_the_kernel_says_before_the_first_case_belongs_to_the_boot(home: Home) -> None:
    home.say(WARNING)
    home.case("first")
    report = home.judge()
    (boot,) = report.stages
    assert boot.outcome is Outcome.FAIL
    assert boot.message == TITLE
    assert boot.is_patch_fault
    assert report.cases[0].outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("ending", "outcome"),
    [
        (Ending.GUEST_DIED, Outcome.CRASH),
        (Ending.GUEST_FROZE, Outcome.TIMEOUT),
        (Ending.TIMED_OUT, Outcome.TIMEOUT),
        (Ending.UNMET, Outcome.SKIP),
        (Ending.NO_GUEST, Outcome.ERROR),
        (Ending.HOST_LOST, Outcome.ERROR),
    ],
)
def test_how_a_run_ended_decides(home: Home, ending: Ending, outcome: Outcome) -> None:
    home.case("x", stdout="KTAP version 1\n1..2\nok 1 a\n", ending=ending, status=None, reason="because")
    case = home.only()
    assert case.run_outcome is outcome
    assert case.message == "because"


@pytest.mark.parametrize(
    ("stdout", "status", "words"),
    [
        (GOOD, 1, "exit status 1, though no subtest failed"),
        (GOOD.replace("ok 2", "not ok 2"), 0, "exit status 0, though a subtest failed"),
        (GOOD, 139, "ended by SIGSEGV"),
        ("hello\n", 0, "no KTAP"),
        ("", 0, "no KTAP"),
    ],
)
def test_exit_status_and_results_must_agree(home: Home, stdout: str, status: int, words: str) -> None:
    home.case("x", stdout=stdout, status=status)
    case = home.only()
    assert case.run_outcome is Outcome.FAIL
    assert words in case.message


@pytest.mark.parametrize("dialect", list(Dialect))
def test_how_a_program_ended_must_be_known(home: Home, dialect: Dialect) -> None:
    home.case("x", stdout=GOOD, status=None, dialect=dialect)
    case = home.only()
    assert case.run_outcome is Outcome.FAIL
    assert case.message == "the guest did not say how the program ended"


def test_a_program_that_could_not_write_is_told_from_one_that_failed(home: Home) -> None:
    home.case("x", stdout=GOOD, status=1, is_full=True)
    assert home.only().message == "the program could not write any more: the guest's /tmp is full"


def test_a_full_file_system_is_no_failure_by_itself(home: Home) -> None:
    home.case("x", stdout=GOOD, is_full=True)
    assert home.only().outcome is Outcome.PASS


def test_results_that_never_came_are_failures(home: Home) -> None:
    home.case("x", stdout="KTAP version 1\n1..3\nok 1 a\n")
    assert home.only().outcome is Outcome.FAIL


def test_a_failing_subtest_is_named_and_the_run_itself_is_fine(home: Home) -> None:
    home.case("x", stdout=GOOD.replace("ok 2 b", "# lost write\nnot ok 2 b"), status=1)
    case = home.only()
    assert (case.outcome, case.run_outcome) == (Outcome.FAIL, Outcome.PASS)
    assert case.message.startswith("b: ")


def test_a_case_that_skips_itself_is_skipped(home: Home) -> None:
    home.case("x", stdout="KTAP version 1\n1..0 # SKIP no userfaultfd\n", status=4)
    case = home.only()
    assert case.outcome is Outcome.SKIP
    assert "userfaultfd" in case.message


def test_a_new_taint_without_a_report_is_a_failure(home: Home) -> None:
    home.case("x", taint_before=0, taint_after=512)
    case = home.only()
    assert case.outcome is Outcome.FAIL
    assert "tainted" in case.message


def test_output_beyond_the_cap_is_said(home: Home) -> None:
    home.case("x", stdout_dropped=12345)
    assert "12345 bytes were dropped" in home.only().message


def test_judging_twice_gives_the_same(home: Home) -> None:
    home.case("x", said=WARNING)
    report = home.judge()
    record = KernelRecord(
        "base.patched", "base", Role.PATCHED, "2026-01-01T00:00:00", (BOOTED,), tuple(home.attempts), 1
    )
    assert classify(record, home.path) == report


def test_a_case_that_did_not_exercise_is_idle_unless_something_worse_was_found(home: Home) -> None:
    idle = GOOD.replace("ok 1 a #", "not ok 1 a # did not exercise: toucher #")
    home.case("idle", stdout=idle, status=1)
    home.case("worse", stdout=idle.replace("ok 2 b", "# FAIL x/0: lost\nnot ok 2 b"), status=1)
    first, second = home.judge().cases
    assert (first.outcome, first.run_outcome) == (Outcome.NOT_EXERCISED, Outcome.PASS)
    assert first.message == "a: did not exercise: toucher"
    assert (second.outcome, second.message) == (Outcome.FAIL, "b: x/0: lost")


def test_a_warning_beside_what_was_not_exercised_is_all_that_is_wrong(home: Home) -> None:
    home.case("idle", stdout=NOT_EXERCISED, status=1, said=WARNING)
    case = home.only()
    assert (case.outcome, case.message, case.only_reports) == (Outcome.FAIL, TITLE, True)


def test_a_program_that_did_not_exercise_must_not_claim_success(home: Home) -> None:
    home.case("idle", stdout=NOT_EXERCISED, status=0)
    case = home.only()
    assert (case.outcome, case.message) == (Outcome.FAIL, "exit status 0, though a subtest failed")


def test_what_a_case_leaves_behind_fails_its_run(home: Home) -> None:
    home.case("leaks", counts=(Count("vm_area_struct", 100, 1300),))
    home.case("stays", left=1, stuck=1, left_name="stays")
    leaks, stays = home.judge().cases
    assert (leaks.run_outcome, leaks.message) == (Outcome.FAIL, "leaked 1200 vm_area_struct")
    assert Metric("left.vm_area_struct", 1200.0, "objects") in leaks.metrics
    assert stays.run_outcome is Outcome.TIMEOUT
    assert "could not be killed" in stays.message


def test_what_was_found_out_about_a_hang_is_in_the_result(home: Home) -> None:
    home.case(
        "hung",
        said=QUIET + "[    9.000000][    T9] sysrq: Show Blocked State\n" + WARNING,
        status=1,
        condition=Condition.TEST_HUNG,
        examined_at=len(QUIET),
        diagnosis="no reader remains: lost wake-up",
        reason="it left tasks that nothing can end",
    )
    (home.path / "cases/hung/1/postmortem.txt").write_text("text")
    case = home.judge().cases[0]
    assert case.outcome is Outcome.TIMEOUT
    assert case.message == "it left tasks that nothing can end"
    assert case.diagnosis == "no reader remains: lost wake-up"
    assert case.evidence == (f"{home.path.name}/cases/hung/1/postmortem.txt",)
    # what the kernel says when we ask it is none of its reports
    assert not case.kernel_reports
    assert "sysrq" not in case.console
    assert not case.is_host_fault


@pytest.mark.parametrize("condition", [Condition.HOST_OVERLOADED, Condition.QEMU_STOPPED])
def test_a_hang_that_is_the_hosts_says_nothing_about_the_patch(home: Home, condition: Condition) -> None:
    home.case("late", ending=Ending.TIMED_OUT, status=None, condition=condition, reason="did not end")
    assert home.judge().cases[0].is_host_fault


def test_a_qemu_that_the_host_ended_is_no_crash_of_the_kernel(home: Home) -> None:
    home.case("killed", ending=Ending.HOST_LOST, status=None, reason="the host ended QEMU by SIGKILL", expects=("x",))
    found, reason = verdict([home.judge()], interrupted=False)
    assert found is Verdict.NO_VERDICT
    assert reason == "base.patched: killed could not be judged (the host ended QEMU by SIGKILL)"


def test_what_the_kernel_said_counts_though_the_host_ended_qemu_then(home: Home) -> None:
    home.case("killed", said=QUIET + WARNING, ending=Ending.HOST_LOST, status=None, reason="the host ended QEMU")
    case = home.only()
    assert not case.is_host_fault
    assert (case.outcome, case.message) == (Outcome.FAIL, TITLE)
    assert verdict([home.judge()], interrupted=False)[0] is Verdict.PATCH_AT_FAULT


KUNIT = """\
[    1.000000][    T1] KTAP version 1
[    1.000001][    T1] 1..1
[    1.000002][    T1]     KTAP version 1
[    1.000003][    T1]     # Subtest: list-sort
[    1.000004][    T1]     1..1
[    1.500000][    T1]     ok 1 sorts
"""
KUNIT_ENDS = "[    1.600000][    T1] ok 1 list-sort\n"


def kunit(home: Home, said: str, **facts: Any) -> CaseResult:
    """A case that is what the kernel of a guest of its own prints from its first byte on."""
    home.console = ""
    home.case("kunit", said=said, dialect=Dialect.KUNIT, **facts)
    return home.only()


def test_kunit_s_results_are_read_from_the_console(home: Home) -> None:
    case = kunit(home, KUNIT + KUNIT_ENDS, ending=Ending.BOOTED)
    assert (case.outcome, [subtest.name for subtest in case.subtests]) == (Outcome.PASS, ["list-sort.sorts"])
    failed = kunit(home, (KUNIT + KUNIT_ENDS).replace(" ok 1", " not ok 1"), ending=Ending.BOOTED)
    assert (failed.outcome, failed.message) == (Outcome.FAIL, "list-sort.sorts: not ok")


def test_a_kernel_that_boots_and_says_nothing_of_kunit_has_not_passed(home: Home) -> None:
    case = kunit(home, QUIET, ending=Ending.BOOTED)
    assert (case.outcome, "KUnit ran no suite" in case.message) == (Outcome.FAIL, True)


def test_what_kunit_said_before_the_kernel_hung_counts_and_our_questions_do_not(home: Home) -> None:
    at = len(KUNIT)
    case = kunit(home, KUNIT + WARNING, ending=Ending.TIMED_OUT, status=None, reason="it hangs", examined_at=at)
    assert (case.outcome, case.message) == (Outcome.TIMEOUT, "it hangs")
    assert case.kernel_reports == ()
    assert [(subtest.name, subtest.outcome) for subtest in case.subtests] == [
        ("list-sort.sorts", Outcome.PASS),
        ("list-sort", Outcome.FAIL),
    ]


def test_a_kernel_that_dies_amid_kunit_crashed(home: Home) -> None:
    panic = "[    6.000000][   T66] Kernel panic - not syncing: No working init found.\n"
    case = kunit(home, KUNIT + panic, ending=Ending.GUEST_DIED, status=None, reason="it died")
    assert (case.outcome, case.message) == (Outcome.CRASH, "Kernel panic: No working init found.")


def test_a_status_that_skips_elsewhere_is_a_warning_of_ltp(home: Home) -> None:
    home.case("l", "mmap01.c:85: TPASS: mapped\n", status=4, dialect=Dialect.LTP)
    assert (home.only().outcome, home.only().message) == (Outcome.FAIL, "exit status 4: warned")
