"""By what a failure is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.judge.signature import NOTHING, Signature, shown, signature, signature_of_boot
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Finding, StageResult, Subtest

PASSED = Finding("c", Outcome.PASS, Outcome.PASS, "", 1.0)
FAILED = Finding("c", Outcome.FAIL, Outcome.FAIL, "exit status 3", 1.0)
WARNING = KernelReport("warning", "WARNING in f", Outcome.FAIL, 1, 2, 0, "text")
OOM = KernelReport("oom", "an OOM kill", Outcome.PASS, 3, 4, 9, "text")


def test_what_passed_has_no_marks() -> None:
    assert signature(PASSED) == NOTHING
    assert signature(replace(PASSED, kernel_reports=(OOM,))) == NOTHING


def test_what_was_not_exercised_is_no_failure() -> None:
    idle = (Subtest("a", Outcome.NOT_EXERCISED, message="did not exercise"),)
    assert signature(replace(PASSED, outcome=Outcome.NOT_EXERCISED, subtests=idle)) == NOTHING


@pytest.mark.parametrize(
    "silent",
    [
        replace(FAILED, is_host_fault=True),
        replace(PASSED, is_host_fault=True),
        replace(FAILED, is_not_run=True),
        replace(FAILED, outcome=Outcome.ERROR),
        replace(PASSED, outcome=Outcome.SKIP),
    ],
)
def test_an_attempt_that_says_nothing_about_its_kernel_has_no_signature(silent: Finding) -> None:
    assert signature(silent) is None


def test_marks_go_from_the_precise_to_the_coarse() -> None:
    subtests = (Subtest("good", Outcome.PASS), Subtest("bad", Outcome.FAIL), Subtest("idle", Outcome.NOT_EXERCISED))
    wrong = Finding("c", Outcome.TIMEOUT, Outcome.TIMEOUT, "", 1.0, subtests, (WARNING, OOM))
    assert signature(wrong) == {
        "report: WARNING in f", "kind of report: warning", "subtest: bad", "the run: timeout", "outcome: timeout",
    }  # fmt: skip


def test_a_run_that_is_bad_because_of_reports_alone_has_no_mark_of_its_own() -> None:
    """Else any other report of the kernel would be the same failure."""
    said = replace(FAILED, kernel_reports=(WARNING,), only_reports=True)
    assert signature(said) == {"report: WARNING in f", "kind of report: warning", "outcome: fail"}


def test_a_boot_is_known_by_the_same_marks_as_an_attempt_to_boot() -> None:
    panic = replace(WARNING, kind="panic", title="Kernel panic: f", outcome=Outcome.CRASH)
    hung = StageResult("boot", Outcome.CRASH, 20.0, "did not finish", is_patch_fault=True)
    again = Finding("boot", Outcome.CRASH, Outcome.CRASH, "did not finish", 0.0)
    assert signature_of_boot(hung) == signature(again) == {"the run: crash", "outcome: crash"}
    warned = StageResult(
        "boot", Outcome.FAIL, 2.0, WARNING.title, kernel_reports=(WARNING,), is_patch_fault=True, only_reports=True
    )
    again = Finding("boot", Outcome.FAIL, Outcome.FAIL, "", 2.0, kernel_reports=(WARNING,), only_reports=True)
    assert signature_of_boot(warned) == signature(again)
    panicked = replace(again, outcome=Outcome.CRASH, run_outcome=Outcome.CRASH, kernel_reports=(panic,))
    assert signature_of_boot(replace(hung, kernel_reports=(panic,))) == signature(panicked) == {
        "report: Kernel panic: f", "kind of report: panic", "outcome: crash",
    }, "what the kernel reported explains it"  # fmt: skip


def test_a_boot_that_the_host_spoilt_has_no_marks() -> None:
    assert signature_of_boot(StageResult("boot", Outcome.ERROR, 20.0, "no QEMU")) == NOTHING
    assert signature_of_boot(StageResult("boot", Outcome.PASS, 2.0)) == NOTHING


def reported(title: str, *alternatives: str, kind: str = "warning") -> Signature:
    report = replace(WARNING, kind=kind, title=title, alternatives=alternatives)
    return signature(replace(FAILED, kernel_reports=(report,), only_reports=True)) or NOTHING


@pytest.mark.parametrize(
    ("of_base", "is_shown"),
    [
        (reported("WARNING in f"), True),
        (reported("WARNING in g"), True),  # the function was inlined there
        (reported("WARNING in e", "WARNING in f"), True),
        (reported("kernel BUG in f", "WARNING in f", kind="kernel-bug"), True),
        (reported("WARNING in h", "WARNING in i"), False),
        (NOTHING, False),
    ],
)
def test_a_report_is_shown_under_any_of_its_titles(of_base: Signature, is_shown: bool) -> None:
    wanted = reported("WARNING in f", "WARNING in g", "kernel BUG in f")
    assert (wanted <= shown(of_base, wanted) | {"kind of report: warning"}) is is_shown


def test_one_report_under_another_title_does_not_show_a_second_one() -> None:
    wanted = reported("WARNING in f", "WARNING in g") | reported("WARNING in x", "WARNING in y")
    assert "report: WARNING in x" not in shown(reported("WARNING in g"), wanted)
