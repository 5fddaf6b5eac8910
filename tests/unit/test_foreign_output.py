"""Other people's test programs: what they print and how they exit -> results."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.judge.attempts import classify
from orchestrator.model.attempt import Attempt, Ending
from orchestrator.model.case import Dialect
from orchestrator.model.kernel import Role
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import StageResult
from orchestrator.parse.results import kselftest, stress_ng
from orchestrator.runs.record import KernelRecord

UFFD = """Testing UFFDIO_API (with syscall)... done
Testing wp-fork on hugetlb... skipped [reason: huge page size is 0, feature missing?]
Testing minor on shmem... {how}
Userfaults unit tests: pass=2, skip=1, fail=0 (total=3)
"""
STRESS_NG = """stress-ng: info:  [91] dispatching hogs: 2 fault, 1 sctp, 1 userfaultfd
stress-ng: error: [91] no CPUs found in /sys/devices/system/cpu
stress-ng: info:  [94] sctp: SCTP protocol not supported, skipping stressor
{said}stress-ng: metrc: [91] stressor       bogo ops real time  usr time  sys time   bogo ops/s     bogo ops/s
stress-ng: metrc: [91]                           (secs)    (secs)    (secs)   (real time) (usr+sys time)
stress-ng: metrc: [91] fault              4181      1.50      0.03      0.18      2787.33      204061.79
stress-ng: metrc: [91] userfaultfd       49811      1.01      0.03      0.18     49345.92      240603.79
stress-ng: metrc: [91] miscellaneous metrics:
stress-ng: metrc: [91] userfaultfd        19787.98 nanosecs per page fault (geometic mean of 1 instances)
stress-ng: info:  [91] successful run completed in 1.04s
"""


def test_tap_without_a_version_line_is_tap() -> None:
    report = kselftest.parse("# Test configs:\n1..2\nok 1 # XFAIL mremap - overlapping\nnot ok 2 2GB mremap\n", "", 1)
    assert [(s.name, s.outcome) for s in report.subtests] == [("#1", Outcome.PASS), ("2GB mremap", Outcome.FAIL)]
    assert not report.problems


def test_a_program_that_skips_owes_no_results() -> None:
    text = (
        'TAP version 13\n1..9\nok 2 # SKIP open("/sys/kernel/mm/ksm/run") failed\n# Planned tests != run tests (9 != 1)'
    )
    report = kselftest.parse(text, "", 4)
    assert [s.outcome for s in report.subtests] == [Outcome.SKIP]
    assert "ksm/run" in report.skip_reason
    assert not report.problems


def test_a_failure_without_a_result_is_told_in_its_last_words() -> None:
    report = kselftest.parse(
        "has pkeys: 1\n", "error: : No such file or directory\n\norchestrate-sentinel x status=71\n", 71
    )
    assert report.problems == ("exit status 71: error: : No such file or directory",)


def test_a_program_that_bails_out_fails_once() -> None:
    text = "TAP version 13\n1..117\nok 1 a\nBail out! creation failed\n# Planned tests != run tests (117 != 1)\n"
    report = kselftest.parse(text, "", 1)
    assert [s.name for s in report.subtests] == ["a"]
    assert report.problems == ("exit status 1: Bail out! creation failed",)


def test_the_userfaultfd_tests_have_words_of_their_own() -> None:
    report = kselftest.parse(UFFD.format(how="done"), "", 0)
    assert [s.outcome for s in report.subtests] == [Outcome.PASS, Outcome.SKIP, Outcome.PASS]
    assert report.subtests[1].name == "wp-fork on hugetlb"
    assert "huge page size is 0" in report.subtests[1].message
    report = kselftest.parse(UFFD.format(how="failed [reason: nr 3 has wrong count 0 1]"), "", 1)
    assert report.subtests[2].outcome is Outcome.FAIL
    assert report.subtests[2].message == "nr 3 has wrong count 0 1"
    assert not report.problems


def test_stressors_are_subtests_with_metrics() -> None:
    report = stress_ng.parse(STRESS_NG.format(said=""), "", 0)
    subtests = {subtest.name: subtest for subtest in report.subtests}
    assert {name: subtest.outcome for name, subtest in subtests.items()} == {
        "fault": Outcome.PASS, "sctp": Outcome.SKIP, "userfaultfd": Outcome.PASS,
    }  # fmt: skip
    assert subtests["fault"].time_s == 1.5
    assert [(m.name, m.value) for m in subtests["fault"].metrics] == [("bogo", 2787.33), ("bogo-total", 4181)]
    assert subtests["userfaultfd"].metrics[-1].name == "nanosecs-per-page-fault"
    assert "SCTP protocol not supported" in subtests["sctp"].message
    assert not report.problems


def test_a_stressor_that_did_nothing_proves_nothing() -> None:
    report = stress_ng.parse(STRESS_NG.format(said="").replace("  4181 ", "     0 "), "", 0)
    assert report.subtests[0].outcome is Outcome.NOT_EXERCISED
    assert "did not exercise" in report.subtests[0].message


def test_a_stressor_whose_check_failed() -> None:
    said = "stress-ng: fail:  [94] fault: page 3 contains 0x0, expected 0x3\n"
    report = stress_ng.parse(STRESS_NG.format(said=said), "", 2)
    assert report.subtests[0].outcome is Outcome.FAIL
    assert "expected 0x3" in report.subtests[0].message
    assert not report.problems


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("", 0, "no stressor"),
        ("stress-ng: error: [1] aborting: temp-path '/tmp' must be readable and writeable\n", 1, "no stressor"),
        ("stress-ng: info:  [1] dispatching hogs: 1 brk\nstress-ng: error: [1] no memory\n", 5, "signal: no memory"),
    ],
)
def test_a_failure_that_belongs_to_no_stressor_is_a_problem(text: str, status: int, words: str) -> None:
    assert words in stress_ng.parse(text, "", status).problems[0]


def test_what_could_not_start_is_skipped_not_passed() -> None:
    report = stress_ng.parse("stress-ng: info:  [1] dispatching hogs: 1 brk\n", "", 3)
    assert [s.outcome for s in report.subtests] == [Outcome.SKIP]
    assert not report.problems


@pytest.mark.parametrize(
    ("dialect", "status", "stdout", "outcome", "words"),
    [
        (Dialect.KSELFTEST, 0, "hello\n", Outcome.PASS, ""),
        (Dialect.KTAP, 0, "hello\n", Outcome.FAIL, "no KTAP"),
        (Dialect.KSELFTEST, 4, "TAP version 13\n1..0 # SKIP no hugetlb\n", Outcome.SKIP, "no hugetlb"),
        (Dialect.KSELFTEST, 139, "TAP version 13\n1..2\nok 1 a\n", Outcome.FAIL, "SIGSEGV"),
        (Dialect.KSELFTEST, 1, "TAP version 13\n1..1\nnot ok 1 a # why\n", Outcome.FAIL, "a: why"),
        (Dialect.STRESS_NG, 0, STRESS_NG.format(said=""), Outcome.PASS, ""),
    ],
)
def test_a_run_is_judged_by_its_dialect(
    tmp_path: Path, dialect: Dialect, status: int, stdout: str, outcome: Outcome, words: str
) -> None:
    (tmp_path / "stdout").write_text(stdout)
    run = Attempt("it", Ending.EXITED, status=status, stdout="stdout", dialect=dialect)
    record = KernelRecord("base.patched", "base", Role.PATCHED, "", attempts=(run,))
    judged = classify(record, tmp_path).cases[0]
    assert judged.outcome is outcome, judged
    assert words in judged.message


def test_a_program_that_was_not_built_is_a_failure_that_the_base_may_share(tmp_path: Path) -> None:
    run = Attempt("it", Ending.NOT_BUILT, reason="does not compile: it.c:3: error: no such thing")
    record = KernelRecord("base.patched", "base", Role.PATCHED, "", (StageResult("boot", Outcome.PASS, 1.0),), (run,))
    judged = classify(record, tmp_path).cases[0]
    assert judged.outcome is Outcome.FAIL
    assert "no such thing" in judged.message
