"""a run directory -> the run report and its files. Callable on a finished, running or interrupted run."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.judge.attempts import classify
from orchestrator.judge.compare import compare, verdict
from orchestrator.judge.known import remarks
from orchestrator.model.kernel import Variant
from orchestrator.model.kernel_report import KernelReport, KnownIssue
from orchestrator.model.report import RunReport, SuiteReport
from orchestrator.record import RunRecord, load, suites_of
from orchestrator.reporters import decoded, json_report, junit
from orchestrator.store import write_atomically

REPORT, JUNIT, RUN = "report.json", "junit.xml", "run.json"


def judge(run_dir: Path, *, interrupted: bool = False, known: Sequence[KnownIssue] | None = None) -> RunReport:
    """Classify everything that a run recorded and reach a verdict. Reads only. Raises UsageError.

    `known` replaces the known issues that the run was made with.
    """
    run = load(RunRecord, run_dir / RUN)
    issues = run.known if known is None else known
    records = suites_of(run_dir)
    judged = tuple(classify(record, run_dir / record.name, issues) for record in records)
    suites = with_baseline(judged)
    found, reason = verdict(suites, interrupted)
    had_guests = any(record.guests for record in records)
    return RunReport(
        series=run.series or "base",
        series_digest=run.series_digest,
        verdict=found,
        reason=reason,
        suites=suites,
        run_dir=str(run_dir),
        started=run.started,
        time_s=run.time_s,
        hostname=platform.node(),
        notes=(
            *run.remarks(had_guests=had_guests),
            *remarks(issues, suites, run.started[:10]),
        ),
    )


def with_baseline(suites: Sequence[SuiteReport]) -> tuple[SuiteReport, ...]:
    """Suites with patches compared with the baseline of the same kconfig, where there is one."""
    baselines = {suite.kconfig: suite for suite in suites if suite.variant is Variant.BASELINE}
    return tuple(
        compare(suite, baselines.get(suite.kconfig)) if suite.variant in (Variant.PATCHED, Variant.PREFIX) else suite
        for suite in suites
    )


def write(report: RunReport, run_dir: Path, *, relative_to: Path | None = None) -> None:
    """report.json, junit.xml and a file for each kernel report, whole or not at all.

    Attachment paths are absolute, or relative to a directory.
    """
    write_decoded((kernel_report for suite in report.suites for kernel_report in suite.kernel_reports), run_dir)
    json_report.write(report, run_dir / REPORT)
    junit.write(report, run_dir / JUNIT, attachments_root=relative_to)


def write_decoded(kernel_reports: Iterable[KernelReport], run_dir: Path) -> None:
    """The files of the kernel reports that have one."""
    for kernel_report in kernel_reports:
        if kernel_report.file:
            write_atomically(
                run_dir / kernel_report.file, decoded.full(kernel_report).encode("utf-8", "backslashreplace")
            )


def utc_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
