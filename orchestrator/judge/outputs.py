"""What an attempt left in files: results of its program, and its part of the console."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from orchestrator.evidence.coverage.hits import read_hits
from orchestrator.judge.windows import Window
from orchestrator.model.attempt import Attempt
from orchestrator.model.case import Dialect
from orchestrator.parse.results import kselftest, ktap, kunit, ltp, stress_ng
from orchestrator.parse.results.instructions import OPERATIONS, counted_subtests

EXCERPT = 64 << 10  # bytes of console shown with a case: the last ones
MAX_OUTPUT = 64 << 20  # bytes of what a program printed that are read; the guest itself keeps less
READERS = {Dialect.KSELFTEST: kselftest.parse, Dialect.STRESS_NG: stress_ng.parse, Dialect.LTP: ltp.parse}


def read_results(run: Attempt, window: Window | None, home: Path) -> ktap.KtapReport:
    """What the program said of itself, in whatever dialect it did; with instructions where they were counted. `home` is
    the kernel's directory in the run directory. Files that are not there are empty."""
    return _with_instructions(_said(run, window, home), run, home)


def _said(run: Attempt, window: Window | None, home: Path) -> ktap.KtapReport:
    if run.dialect is Dialect.KUNIT:
        return kunit.parse(_console(home / run.console, window) if window else "")
    stdout = _text(home / run.stdout) if run.stdout else ""
    if run.dialect is Dialect.KTAP:
        return ktap.parse(stdout)
    stderr = _text(home / run.stderr) if run.stderr else ""
    return READERS[run.dialect](stdout, stderr, run.status)


def _with_instructions(report: ktap.KtapReport, run: Attempt, home: Path) -> ktap.KtapReport:
    """Of a program that says how many operations it did between marks."""
    is_counted = any(metric.name == OPERATIONS for subtest in report.subtests for metric in subtest.metrics)
    if not run.coverage or not is_counted:
        return report
    with suppress(OSError, ValueError):  # gone, or left unfinished by a run that was killed
        return replace(report, subtests=counted_subtests(report.subtests, read_hits(home / run.coverage)))
    return report


def _console(path: Path, window: Window) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as handle:
        handle.seek(window.start)
        most = MAX_OUTPUT if window.end is None else min(MAX_OUTPUT, max(0, window.end - window.start))
        return handle.read(most).decode(errors="replace")


def _text(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as handle:
        return handle.read(MAX_OUTPUT).decode(errors="replace")


def excerpt(path: Path, window: Window) -> str:
    """The end of a window of a console log; empty where there is no log."""
    if not path.is_file():
        return ""
    with path.open("rb") as handle:
        whole = path.stat().st_size
        size = whole if window.end is None else min(window.end, whole)
        at = min(size, max(window.start, size - EXCERPT))
        handle.seek(at)
        text = handle.read(size - at).decode(errors="replace")
    return text if at <= window.start else f"[{at - window.start} bytes before this are in {path.name}]\n{text}"
