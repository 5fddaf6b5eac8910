"""a run directory -> the run report and its files. Callable on a finished, running or interrupted run."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.judge.attempts import classify
from orchestrator.judge.compare import compare
from orchestrator.judge.first_bad import FirstBad, first_bad_patch, in_order, regressed_cases
from orchestrator.judge.known import remarks
from orchestrator.judge.planned import with_planned
from orchestrator.judge.verdict import is_patch_failure, verdict
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import KernelReport, KnownIssue
from orchestrator.model.report import RunReport, SuiteReport
from orchestrator.record import RunRecord, load, records_of
from orchestrator.reporters import decoded, json_report, junit
from orchestrator.store import write_atomically

REPORT, JUNIT, RUN = "report.json", "junit.xml", "run.json"


def judge(run_dir: Path, *, interrupted: bool = False, known: Sequence[KnownIssue] | None = None) -> RunReport:
    """Classify everything that a run recorded and reach a verdict. Reads only. Raises UsageError.

    `known` replaces the known issues that the run was made with.
    """
    run = load(RunRecord, run_dir / RUN)
    issues = run.known if known is None else known
    judged = tuple(classify(record, run_dir / record.name, issues) for record in records_of(run_dir))
    suites = with_planned(compared(judged, run.request.error), run.planned, run.started)
    found, reason = verdict(suites, interrupted, strict=run.request.strict, trouble=run.trouble)
    reason = "; ".join([reason, *first_bad_patches(suites, run.request.error)])
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
        notes=(*run.remarks, *remarks(issues, suites, run.started[:10])),
    )


def first_bad_patches(suites: Sequence[SuiteReport], error: float) -> Iterator[str]:
    """What is known about the patches that broke something, a clause for each case."""
    for behind, whole in in_order(suites):
        broken = [kernel for kernel in behind if any(map(is_patch_failure, kernel.stages))]
        if broken:
            yield f"patch {broken[0].facts.patch or broken[0].name} is the first that does not build or boot"
        for case in regressed_cases(whole):
            found = first_bad_patch(behind, whole, case, error)
            if isinstance(found, FirstBad):
                yield found.words


def compared(suites: Sequence[SuiteReport], error: float) -> tuple[SuiteReport, ...]:
    """Kernels with patches compared with the base of the same kconfig, in this run and in earlier ones. `error` is the
    probability of a wrong answer that is accepted."""
    baselines = {suite.kconfig: suite for suite in suites if suite.role is Role.BASELINE}
    return tuple(
        compare(suite, baselines.get(suite.kconfig), error=error)
        if suite.role in (Role.PATCHED, Role.PER_PATCH)
        else suite
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
