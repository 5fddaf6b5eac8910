"""records -> judged results. Pure but for reading the run directory, so that yesterday's run can be judged again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from orchestrator.evidence import compilation
from orchestrator.evidence.cost import collect as cost
from orchestrator.evidence.coverage.collect import collect
from orchestrator.judge.endings import how_it_ended, is_host_fault
from orchestrator.judge.known import applies, is_expired, mark_expected, mark_known, release_of
from orchestrator.judge.leaks import leak_metrics
from orchestrator.judge.logs import Consoles
from orchestrator.judge.outputs import excerpt, read_results
from orchestrator.judge.windows import Window, reports_in, starts_of, window_of
from orchestrator.model.attempt import Attempt, Ending
from orchestrator.model.evidence_files import FILES
from orchestrator.model.kernel_report import KernelReport, KnownIssue
from orchestrator.model.outcome import Outcome, worst
from orchestrator.model.report import BOOT, VMA_WRITES, CaseResult, Finding, StageResult, SuiteReport
from orchestrator.runs.record import KernelRecord

Said = Mapping[int, tuple[KernelReport, ...]]  # by guest, all that its kernel reported


def classify(
    record: KernelRecord, home: Path, known: Sequence[KnownIssue] = (), consoles: Consoles | None = None
) -> SuiteReport:
    """Judge a kernel. `home` is its directory in the run directory, `known` the known issues. A caller that judges a
    kernel repeatedly while it runs passes the same `consoles` each time, so that nothing is read twice."""
    said = _said(record, home, known, consoles or Consoles())
    found = _findings(record, home, said)
    return SuiteReport(
        name=record.name,
        kconfig=record.kconfig,
        role=record.role,
        stages=tuple(_stage(stage, record, said, home) for stage in record.stages),
        cases=case_results(found),
        started=record.started,
        facts=record.facts,
        earlier_base=record.earlier_base,
        without_guest=record.without_guest,
        coverage=collect(record, home),
        cost=cost.collect(home),
        compilation=compilation.collect(home),
        attempts=tuple(replace(finding, console="") for finding in found),  # a case has the text of what it shows
    )


def judge_attempt(
    attempt: Attempt, record: KernelRecord, home: Path, known: Sequence[KnownIssue], consoles: Consoles
) -> Finding:
    """What one attempt that has ended shows, without a look at the others; the arguments are those of classify."""
    window = window_of(attempt, starts_of(record.attempts)[attempt.guest])
    said = _said_by(attempt.guest, home, applicable(known, record), consoles) if window else ()
    return _judge(attempt, reports_in(said, window) if window else (), window, home)


def _findings(record: KernelRecord, home: Path, said: Said) -> tuple[Finding, ...]:
    """An attempt that was begun and has no end counts only if the kernel reported something."""
    found = []
    starts = starts_of(record.attempts)
    for attempt in record.attempts:
        window = window_of(attempt, starts[attempt.guest])
        reports = reports_in(said.get(attempt.guest, ()), window) if window else ()
        if attempt.ending is not Ending.UNFINISHED:
            found.append(_judge(attempt, reports, window, home))
        elif any(report.outcome.is_bad for report in reports):
            found.append(_interrupted(attempt, reports))
    return tuple(found)


def case_results(found: Sequence[Finding]) -> tuple[CaseResult, ...]:
    """One result for each case: the worst of its first attempts. An attempt that the host spoiled counts only if no
    other attempt ended. Halves of pairs are for comparisons alone."""
    by_case: dict[str, list[Finding]] = {}
    for finding in found:
        by_case.setdefault(finding.case, []).append(finding)
    results = []
    for attempts in by_case.values():
        first = [finding for finding in attempts if not finding.pair]
        if not first:
            continue
        telling = [finding for finding in first if not _says_nothing(finding)] or first
        results.append(CaseResult.of(max(telling, key=lambda finding: finding.outcome)))
    return tuple(results)


def _says_nothing(finding: Finding) -> bool:
    """Whether an attempt says nothing about the kernel: the host was at fault, or the case did not exercise its code
    and another attempt may."""
    return finding.is_host_fault or finding.outcome in (Outcome.NOT_EXERCISED, Outcome.ERROR)


def _said(record: KernelRecord, home: Path, known: Sequence[KnownIssue], consoles: Consoles) -> Said:
    issues = applicable(known, record)
    return {number: _said_by(number, home, issues, consoles) for number in record.numbers}


def _said_by(guest: int, home: Path, issues: Sequence[KnownIssue], consoles: Consoles) -> tuple[KernelReport, ...]:
    return mark_known(consoles.reports(home / f"guest-{guest}/console.log"), issues)


def _interrupted(attempt: Attempt, reports: tuple[KernelReport, ...]) -> Finding:
    """An attempt without an end, during which the kernel reported something that must not be lost."""
    bad = [report for report in reports if report.outcome.is_bad]
    outcome = worst(report.outcome for report in bad)
    return Finding(
        attempt.case, outcome, outcome, f"{bad[0].title}; then it was interrupted", 0.0, kernel_reports=reports,
        only_reports=True, number=attempt.number, pair=attempt.pair, seed=attempt.seed,
    )  # fmt: skip


def _judge(run: Attempt, kernel_reports: tuple[KernelReport, ...], window: Window | None, home: Path) -> Finding:
    finding = _shown(run, kernel_reports, window, home)
    return replace(finding, number=run.number, pair=run.pair, seed=run.seed)


def _shown(run: Attempt, kernel_reports: tuple[KernelReport, ...], window: Window | None, home: Path) -> Finding:
    if run.ending is Ending.UNMET:
        return Finding(run.case, Outcome.SKIP, Outcome.SKIP, run.reason, 0.0)
    if run.ending is Ending.NO_GUEST:
        return Finding(run.case, Outcome.ERROR, Outcome.ERROR, run.reason, 0.0)
    if run.ending is Ending.NOT_BUILT:
        return Finding(run.case, Outcome.FAIL, Outcome.FAIL, run.reason, 0.0, is_not_built=True)
    if run.case == BOOT and run.ending is Ending.BOOTED:
        return _of_boot(run, kernel_reports, home)
    kernel_reports = mark_expected(kernel_reports, run.expects)
    report = read_results(run, window, home)
    run_outcome, why, only_reports = how_it_ended(run, report, kernel_reports)
    outcome = worst(
        [run_outcome, *(subtest.outcome for subtest in report.subtests if subtest.outcome is not Outcome.SKIP)]
    )
    # the first of the worst: one that did not exercise says less than one that found something
    worst_one = max((s for s in report.subtests if not s.outcome.is_ok), key=lambda s: s.outcome, default=None)
    message = why or (f"{worst_one.name}: {worst_one.message or 'not ok'}" if worst_one else "")
    return Finding(
        case=run.case,
        outcome=outcome,
        run_outcome=run_outcome,
        message=message,
        time_s=run.duration_s,
        subtests=report.subtests,
        kernel_reports=kernel_reports,
        metrics=report.metrics + leak_metrics(run),
        console=excerpt(home / run.console, window) if window else "",
        stdout=f"{home.name}/{run.stdout}",
        stderr=f"{home.name}/{run.stderr}",
        console_log=f"{home.name}/{run.console}",
        is_host_fault=is_host_fault(run, kernel_reports),
        diagnosis=run.diagnosis,
        evidence=tuple(f"{home.name}/{run.home}/{name}" for name in FILES if (home / run.home / name).is_file()),
        only_reports=only_reports and not (worst_one and worst_one.outcome.is_bad),
    )


def _of_boot(run: Attempt, kernel_reports: tuple[KernelReport, ...], home: Path) -> Finding:
    """An attempt that was to boot, and booted."""
    bad = [report for report in kernel_reports if report.outcome.is_bad]
    outcome = worst([Outcome.PASS, *(report.outcome for report in bad)])
    return Finding(
        run.case, outcome, outcome, bad[0].title if bad else "", run.duration_s, kernel_reports=kernel_reports,
        console_log=f"{home.name}/{run.console}", only_reports=bool(bad),
    )  # fmt: skip


def _stage(stage: StageResult, record: KernelRecord, said: Said, home: Path) -> StageResult:
    """A stage with its log; for boot, with the kernel reports before the first case on each of its guests."""
    if stage.stage == VMA_WRITES and record.facts.vma_writes is not None:
        stage = _watched(stage, record.facts.vma_writes)
    if stage.stage != BOOT or not record.numbers:
        log = f"logs/{stage.stage}.log"
        return replace(stage, log=f"{home.name}/{log}") if (home / log).is_file() else stage
    found: dict[str, KernelReport] = {}
    starts = starts_of(record.attempts)
    windows = [Window(guest, 0, min(starts[guest], default=stage.examined_at)) for guest in record.numbers]
    for window in windows:
        for kernel_report in reports_in(said[window.guest], window):
            found.setdefault(kernel_report.title, kernel_report)
    bad = [kernel_report for kernel_report in found.values() if kernel_report.outcome.is_bad]
    shown = windows[-1 if stage.outcome.is_bad else 0]
    console = f"guest-{shown.guest}/console.log"
    return replace(
        stage,
        outcome=worst([stage.outcome, *(kernel_report.outcome for kernel_report in bad)]),
        message=_boot_words(stage, bad),
        kernel_reports=tuple(found.values()),
        console=excerpt(home / console, shown),
        is_patch_fault=stage.is_patch_fault or bool(bad),
        only_reports=bool(bad) and not stage.outcome.is_bad,
        log=f"{home.name}/{console}",
    )


def _watched(stage: StageResult, writes: int) -> StageResult:
    """The stage that prepared the watch, with what the guests showed."""
    if not writes:
        return replace(stage, outcome=Outcome.SKIP, message="no write of a VMA was seen: they were not watched")
    said = f"{writes:,} writes of a VMA's members were watched; kernel reports name those without its lock"
    return replace(stage, message=said)


def _boot_words(stage: StageResult, bad: Sequence[KernelReport]) -> str:
    """A panic is often the consequence of an earlier report, which says more; then that report comes first."""
    if not bad or (stage.outcome.is_bad and bad[0].kind == "panic"):
        return stage.message
    return f"{bad[0].title}; then {stage.message}" if stage.outcome.is_bad else bad[0].title


def applicable(known: Sequence[KnownIssue], record: KernelRecord) -> tuple[KnownIssue, ...]:
    """The known issues that this kernel may show."""
    release = release_of(record.facts)
    return tuple(
        issue
        for issue in known
        if not is_expired(issue, record.started[:10]) and applies(issue, record.kconfig, release)
    )
