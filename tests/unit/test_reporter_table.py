"""The table of file reporters, and what one more of them takes: tests/examples/mail_reporter.py and a line."""

from __future__ import annotations

from pathlib import Path

from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import CaseResult, RunReport, SuiteReport
from orchestrator.reporters.table import REPORTERS, FileReporter, write_files
from tests.examples import mail_reporter

KASAN = KernelReport(
    "kasan", "KASAN: use-after-free in f", Outcome.CRASH, 12, 40, 999, "BUG: \udcff", file="logs/r-1.txt"
)


def a_report(run_dir: Path) -> RunReport:
    cases = (CaseResult("fork", Outcome.CRASH, Outcome.CRASH, KASAN.title, 1.0, kernel_reports=(KASAN,)),)
    suite = SuiteReport("base.patched", "base", Role.PATCHED, (), cases, "")
    return RunReport("fix", "", Verdict.PATCH_AT_FAULT, "fork crashed", (suite,), str(run_dir), "", 1.0, "host")


def test_a_run_directory_gets_each_reporters_file_and_one_for_each_kernel_report(tmp_path: Path) -> None:
    run = a_report(tmp_path)
    write_files(run, tmp_path)
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    said = {reporter.file for reporter in REPORTERS if reporter.content(run) is not None}
    assert files == {*said, "logs/r-1.txt"}
    assert {"report.json", "junit.xml", "report.html", "summary.md", "report.sarif", "badge.svg"} <= files
    assert "BUG: \\udcff" in (tmp_path / "logs/r-1.txt").read_text()


def test_names_in_the_run_directory_are_taken_once() -> None:
    names = [reporter.file for reporter in REPORTERS]
    assert len(set(names)) == len(names)


def test_another_reporter_is_one_module_and_one_line(tmp_path: Path) -> None:
    reporters = (
        *REPORTERS,
        FileReporter("reply.txt", mail_reporter.content),
    )
    write_files(a_report(tmp_path), tmp_path, reporters)
    assert (tmp_path / "reply.txt").read_text().splitlines() == [
        "the patch is at fault: fork crashed",
        "",
        "base.patched",
        "  fork: CRASH: KASAN: use-after-free in f",
    ]
