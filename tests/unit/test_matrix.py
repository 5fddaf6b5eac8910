"""The kill matrix: what counts as a kill, by what, and what the whole says."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from orchestrator.judge.mutants import Detector, Matrix, MutantRow, MutantStatus, kill_of, mutation_verdict, row_of
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.kernel_report import UNLOCKED_WRITE, KernelReport
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import CaseResult, RunReport, StageResult, Subtest, SuiteReport
from orchestrator.model.series import Mutant, Observable
from orchestrator.parse.results import ktap
from orchestrator.reporters.terminal_matrix import ALIKE, matrix_lines, show_matrix

MUTANT = Mutant("early", "order", "it", "that", "base", (), (), Observable.YES, "", False, "", b"")
REPORT = RunReport("fix", "", Verdict.SURVIVED, "why", (), "/run", "", 1.0, "host")
BOOT = StageResult("boot", Outcome.PASS, 3.0)
PASSED = CaseResult("first", Outcome.PASS, Outcome.PASS, "", 5.0)
WARNING = KernelReport(
    "warning", "WARNING in f", Outcome.FAIL, 1, 2, 0, "[   7.250000][T1] WARNING: CPU: 0", time_s=7.25
)


def suite(*cases: CaseResult, boot: StageResult = BOOT, kconfig: str = "base") -> SuiteReport:
    """With one attempt of each case."""
    name = f"{kconfig}.early"
    return SuiteReport(name, kconfig, Role.MUTATED, (boot,), cases, "2026-01-01T00:00:00", attempts=cases)


def failed(
    message: str,
    *kernel_reports: KernelReport,
    run: Outcome = Outcome.PASS,
    says: str = "",
    how: Outcome = Outcome.FAIL,
) -> CaseResult:
    subtests = (Subtest("s", how, message=says),) if says else ()
    outcome = max(run, how)
    return CaseResult("second", outcome, run, message, 2.0, subtests=subtests, kernel_reports=kernel_reports)


@pytest.mark.parametrize(
    ("case", "detector", "guest_s"),
    [
        (failed("WARNING in f", WARNING), Detector.KERNEL_REPORT, 7.25),
        (failed("s: tag", says="a tag is lost"), Detector.DATA, 10.0),
        (failed("s", says="timed out: thread toucher/1", how=Outcome.TIMEOUT), Detector.HANG, 10.0),
        (failed("froze", run=Outcome.TIMEOUT), Detector.HANG, 10.0),
        (failed("s", says="did not exercise: vma_lock_success", how=Outcome.NOT_EXERCISED), Detector.COUNTER, 10.0),
        (failed("leaked 30 vm_area_struct", run=Outcome.FAIL), Detector.COUNTER, 10.0),
        (failed("exit status 3", run=Outcome.FAIL), Detector.EXIT, 10.0),
    ],
)
def test_what_killed_it_and_when(case: CaseResult, detector: Detector, guest_s: float) -> None:
    kill = kill_of(suite(PASSED, case))
    assert kill
    assert (kill.case, kill.detector, kill.guest_s) == ("second", detector, guest_s)


NEVER = ktap.parse("KTAP version 1\n1..1\n").subtests[0].message  # of a subtest that was not reached
OOPS = replace(WARNING, outcome=Outcome.CRASH, title="BUG in f")
UNLOCKED = replace(WARNING, kind=UNLOCKED_WRITE, title="unlocked write of vm_end in f")


@pytest.mark.parametrize(
    ("case", "detectors"),
    [
        (failed("unlocked write", UNLOCKED), (Detector.VMA_WRITES,)),
        (failed("unlocked write", UNLOCKED, says="a tag is lost"), (Detector.DATA, Detector.VMA_WRITES)),
        (failed("WARNING in f", WARNING, UNLOCKED), (Detector.KERNEL_REPORT, Detector.VMA_WRITES)),
        (failed("froze", UNLOCKED, run=Outcome.TIMEOUT), (Detector.HANG, Detector.VMA_WRITES)),
        (failed("WARNING in f", WARNING), (Detector.KERNEL_REPORT,)),
        (failed("WARNING in f", WARNING, says="a tag is lost"), (Detector.KERNEL_REPORT, Detector.DATA)),
        (failed("froze", WARNING, run=Outcome.TIMEOUT), (Detector.KERNEL_REPORT, Detector.HANG)),
        (failed("BUG in f", OOPS, run=Outcome.CRASH), (Detector.KERNEL_REPORT,)),  # died of what it reported
        (failed("s", OOPS, says="timed out", how=Outcome.TIMEOUT), (Detector.KERNEL_REPORT, Detector.HANG)),
        (failed("froze", run=Outcome.TIMEOUT, says="a tag is lost"), (Detector.HANG, Detector.DATA)),
        (failed("WARNING in f", WARNING, says=NEVER), (Detector.KERNEL_REPORT,)),
        (failed("froze", run=Outcome.TIMEOUT, says=NEVER), (Detector.HANG,)),
        (failed("ended by SIGSEGV", run=Outcome.FAIL, says=NEVER), (Detector.EXIT,)),
        (failed("leaked 30 mm_struct", run=Outcome.FAIL, says="a tag is lost"), (Detector.COUNTER, Detector.DATA)),
        (failed("exit status 3", run=Outcome.FAIL), (Detector.EXIT,)),
    ],
)
def test_a_kill_has_all_that_noticed_the_mutant_in_that_attempt(
    case: CaseResult, detectors: tuple[Detector, ...]
) -> None:
    kill = kill_of(suite(PASSED, case))
    assert kill
    assert kill.detectors == detectors


def test_what_one_attempt_and_what_data_oracles_alone_would_have_killed_is_said_of_all_that_were_tested() -> None:
    second = replace(failed("s", says="lost"), number=2)
    shown = (failed("WARNING in f", WARNING), failed("W", WARNING, says="lost"), second, PASSED)
    skipped = row_of(MUTANT, [], not_run="not asked for")
    found = Matrix((*(row_of(MUTANT, [suite(case)]) for case in shown), skipped), ("base",), ("second",))
    assert [found.noticed_by(one) for one in (Detector.KERNEL_REPORT, Detector.DATA, Detector.HANG)] == [2, 2, 0]
    out = io.StringIO()
    show_matrix(found, REPORT, out)
    assert "with one attempt of each case: 2 of 4 mutants killed (50%)\n" in out.getvalue()
    assert "2 by kernel report, 1 by data error\n" in out.getvalue()
    assert (
        "if kernel reports and hangs were ignored: at least 2 of 4 mutants killed (50%) by data error" in out.getvalue()
    )


def test_what_the_watch_alone_has_noticed_is_said_and_other_evidence_shown_first() -> None:
    shown = (failed("unlocked write", UNLOCKED), failed("unlocked write", UNLOCKED, says="a tag is lost"), PASSED)
    found = Matrix(tuple(row_of(MUTANT, [suite(case)]) for case in shown), ("base",), ("second",))
    out = io.StringIO()
    show_matrix(found, REPORT, out)
    assert "without the watch of VMA writes: at least 1 of 3 mutants killed (33%)\n" in out.getvalue()
    assert [row.kill.evidence for row in found.rows if row.kill] == ["unlocked write", "s: a tag is lost"]


def test_attempts_that_passed_count_in_the_time_to_the_kill_and_none_behind_it_does() -> None:
    lost = replace(failed("s: tag", says="a tag is lost"), number=3)
    passed = [replace(PASSED, case="second", time_s=2.0, number=number) for number in (1, 2)]
    later = replace(failed("WARNING in f", WARNING), number=4)
    kill = kill_of(replace(suite(PASSED, lost), attempts=(PASSED, *passed, lost, later)))
    assert kill
    assert (kill.case, kill.detector, kill.guest_s, kill.attempt) == ("second", Detector.DATA, 14.0, 3)


def test_a_boot_that_fails_is_a_kill_and_the_hosts_fault_is_none() -> None:
    boot = replace(BOOT, outcome=Outcome.CRASH, is_patch_fault=True, message="panic", kernel_reports=(WARNING,))
    kill = kill_of(suite(boot=boot))
    assert kill
    assert (kill.case, kill.detector, kill.guest_s) == ("boot", Detector.KERNEL_REPORT, 7.25)
    assert kill_of(suite(boot=replace(BOOT, outcome=Outcome.ERROR))) is None
    assert kill_of(suite(replace(PASSED, outcome=Outcome.CRASH, is_host_fault=True))) is None


def test_fates() -> None:
    assert row_of(MUTANT, [suite(PASSED)]).status is MutantStatus.SURVIVED
    assert row_of(MUTANT, [suite(PASSED), suite(failed("x", says="y"), kconfig="debug")]).status is MutantStatus.KILLED
    assert row_of(MUTANT, [], not_run="not asked for").status is MutantStatus.SKIPPED
    assert row_of(MUTANT, []).status is MutantStatus.ERROR  # silence is no survival
    assert (
        row_of(MUTANT, [suite(replace(PASSED, outcome=Outcome.CRASH, is_host_fault=True))]).status is MutantStatus.ERROR
    )
    assert row_of(MUTANT, [suite(PASSED)], refused="does not apply").status is MutantStatus.ERROR


def test_what_survived_one_kconfig_is_no_less_a_survivor_when_the_budget_ends_before_the_next() -> None:
    found = row_of(MUTANT, [suite(PASSED)], not_run="the budget of 60 s was used up")
    assert (found.status, found.reason) == (MutantStatus.SURVIVED, "nothing noticed it; the budget of 60 s was used up")


def test_one_lost_run_is_no_survival_of_the_rest() -> None:
    lost = suite(PASSED, replace(PASSED, case="third", outcome=Outcome.ERROR, message="no guest"))
    assert row_of(MUTANT, [lost]).status is MutantStatus.ERROR


def matrix(*fates: MutantStatus) -> Matrix:
    kill = kill_of(suite(failed("x", says="y")))
    found = [
        replace(row_of(MUTANT, [suite(PASSED)]), status=f, kill=kill if f is MutantStatus.KILLED else None)
        for f in fates
    ]
    return Matrix(tuple(found), ("base",), ("first", "second"))


@pytest.mark.parametrize(
    ("fates", "expected"),
    [
        ((MutantStatus.KILLED, MutantStatus.KILLED), Verdict.ALL_KILLED),
        ((MutantStatus.KILLED, MutantStatus.SKIPPED), Verdict.ALL_KILLED),
        ((MutantStatus.KILLED, MutantStatus.SURVIVED), Verdict.SURVIVED),
        ((MutantStatus.KILLED, MutantStatus.ERROR), Verdict.NO_VERDICT),
        ((MutantStatus.SKIPPED,), Verdict.NO_VERDICT),
        ((), Verdict.NO_VERDICT),
    ],
)
def test_the_verdict(fates: tuple[MutantStatus, ...], expected: Verdict) -> None:
    assert mutation_verdict(matrix(*fates), {"base.mutated": suite(PASSED)})[0] is expected


def test_a_control_that_fails_makes_all_kills_worthless() -> None:
    found, reason = mutation_verdict(matrix(MutantStatus.KILLED), {"base.mutated": suite(failed("x", says="y"))})
    assert found is Verdict.NO_VERDICT
    assert "no mutant switched on" in reason


@pytest.mark.parametrize(
    ("stage", "fault", "expected"),
    [
        ("screen", {"is_patch_fault": True}, Verdict.PATCH_AT_FAULT),
        ("apply", {"is_patch_fault": True}, Verdict.PATCH_AT_FAULT),
        ("configure", {"is_request_fault": True}, Verdict.BAD_REQUEST),
        ("screen", {}, Verdict.NO_VERDICT),
        ("build", {"is_patch_fault": True}, Verdict.NO_VERDICT),  # of the text with the mutants
    ],
)
def test_whose_fault_it_is_that_no_mutant_can_be_tested(stage: str, fault: dict[str, bool], expected: Verdict) -> None:
    failed_stage = StageResult(stage, Outcome.FAIL, 1.0, "it does not compile: mm/vma.c:6: 'x' undeclared", **fault)
    control = SuiteReport("base.mutated", "base", Role.MUTATED, (failed_stage,), (), "")
    found, reason = mutation_verdict(matrix(), {"base.mutated": control})
    assert found is expected
    assert "mm/vma.c:6: 'x' undeclared" in reason


def test_an_idle_case_is_the_weakest_evidence_and_none_under_delays() -> None:
    idle = replace(failed("did not exercise: vma_lock_success", says="did not exercise"), outcome=Outcome.NOT_EXERCISED)
    wrong = replace(failed("s: tag", says="a tag is lost"), case="third")
    alone, later = kill_of(suite(idle)), kill_of(suite(idle, wrong))
    assert alone
    assert later
    assert (alone.detector, later.case) == (Detector.COUNTER, "third")
    exercised, control = suite(replace(PASSED, case="second")), suite(idle)
    assert kill_of(suite(idle), exercised)
    assert kill_of(suite(idle), control) is None, "it does not get there without any bug either"
    assert kill_of(suite(idle, wrong), control) == later
    assert row_of(MUTANT, [suite(PASSED, idle)], {"base": control}).status is MutantStatus.SURVIVED
    assert row_of(MUTANT, [suite(PASSED, idle)], {"debug": control}).status is MutantStatus.KILLED
    delayed = replace(suite(PASSED, idle), facts=KernelFacts(delays="vma_delay.reader_taken=2000"))
    assert row_of(MUTANT, [delayed]).status is MutantStatus.SURVIVED


def test_generated_mutants_are_summed_up_by_hunk() -> None:
    def row(name: str, hunk: str, status: MutantStatus, reason: str = "alike") -> MutantRow:
        about = {"place": "mm/b.c: g()", "hunk": hunk, "breaks": f"{name} is left out", "diff": b"-\tput(x);\n"}
        mutant = replace(MUTANT, name=name, **about)
        shown = failed("bad") if status is MutantStatus.KILLED else PASSED
        found = row_of(mutant, [suite(shown)], not_run=reason if status is MutantStatus.SKIPPED else "")
        return replace(found, status=status, reason=reason)

    rows = (
        row("one", "mm/b.c:3-5", MutantStatus.KILLED),
        row("two", "mm/b.c:9-9", MutantStatus.KILLED),
        row("three", "mm/b.c:9-9", MutantStatus.SURVIVED),
        row("four", "mm/b.c:9-9", MutantStatus.SKIPPED, "not run: no case executes mm/b.c:9"),
        *(row(f"more-{number}", "mm/c.c:1-1", MutantStatus.SKIPPED) for number in range(ALIKE)),
    )
    matrix = Matrix(rows, ("base",), ("a",))
    first, second = matrix.by_hunk
    assert (first.hunk, first.tested, first.survivors, first.not_run) == ("mm/b.c:3-5", 1, (), 0)
    assert (second.hunk, second.tested, second.survivors, second.not_run) == ("mm/b.c:9-9", 2, ("three",), 1)
    text = "\n".join(matrix_lines(matrix))
    assert f"{ALIKE} mutants" in text
    assert "more-1" not in text
    assert "alike: three is left out" in text, "what a survivor was"
    out = io.StringIO()
    show_matrix(matrix, REPORT, out)
    lines = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    at = next(number for number, line in enumerate(lines) if line.startswith("1 of 2 killed 1 not run mm/b.c:9-9 g()"))
    assert lines[at + 1].startswith("1 of 1 killed mm/b.c:3-5 g()")
    assert "three survived: three is left out" in lines
    assert "-put(x);" in "".join(out.getvalue().split())
