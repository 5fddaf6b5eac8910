"""records -> judged results. Pure but for reading the run directory, so that yesterday's run can be judged again."""

from __future__ import annotations

import signal
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.evidence import compilation
from orchestrator.evidence.cost import collect as cost
from orchestrator.evidence.coverage.collect import collect
from orchestrator.guest.counters import read_hits
from orchestrator.guest.evidence import FILES
from orchestrator.judge.known import EXPECTED, applies, is_expired, mark_expected, mark_known, missing, release_of
from orchestrator.judge.leaks import leak_metrics, leaks
from orchestrator.judge.logs import Consoles
from orchestrator.model.attempt import Attempt, Ending
from orchestrator.model.case import Dialect
from orchestrator.model.kernel_report import KernelReport, KnownIssue
from orchestrator.model.outcome import Outcome, worst
from orchestrator.model.report import BOOT, CaseResult, Finding, StageResult, SuiteReport
from orchestrator.parse import kselftest, ktap, kunit, ltp, stress_ng, taint
from orchestrator.parse.instructions import OPERATIONS, counted_subtests
from orchestrator.record import KernelRecord

EXCERPT = 64 << 10  # bytes of console shown with a case: the last ones
MAX_OUTPUT = 64 << 20  # bytes of what a program printed that are read; the guest itself keeps less
SKIPPED = 4  # kselftest's exit status
READERS = {Dialect.KSELFTEST: kselftest.parse, Dialect.STRESS_NG: stress_ng.parse, Dialect.LTP: ltp.parse}
OF_LOST_GUEST = {
    Ending.GUEST_DIED: Outcome.CRASH,
    Ending.HOST_LOST: Outcome.ERROR,  # the kernel did not crash
    Ending.GUEST_FROZE: Outcome.TIMEOUT,
    Ending.TIMED_OUT: Outcome.TIMEOUT,
    Ending.STOPPED: Outcome.FAIL,
}
ENDED_BY_REPORT = (Ending.GUEST_DIED, Ending.STOPPED)  # a report that is as bad explains it


@dataclass(frozen=True)
class Window:
    """Bytes of a guest's console. `end` None: to its end."""

    guest: int
    start: int
    end: int | None


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
        coverage=collect(record, home),
        cost=cost.collect(home),
        compilation=compilation.collect(home),
        attempts=tuple(replace(finding, console="") for finding in found),  # a case has the text of what it shows
    )


def judge_attempt(
    attempt: Attempt, record: KernelRecord, home: Path, known: Sequence[KnownIssue], consoles: Consoles
) -> Finding:
    """What one attempt that has ended shows, without a look at the others; the arguments are those of classify."""
    window = _window(attempt, _starts(record)[attempt.guest])
    said = _said_by(attempt.guest, home, applicable(known, record), consoles) if window else ()
    return _judge(attempt, _in_window(said, window) if window else (), window, home)


def _findings(record: KernelRecord, home: Path, said: Said) -> tuple[Finding, ...]:
    """An attempt that was begun and has no end counts only if the kernel reported something."""
    found = []
    starts = _starts(record)
    for attempt in record.attempts:
        window = _window(attempt, starts[attempt.guest])
        reports = _in_window(said.get(attempt.guest, ()), window) if window else ()
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


def _window(attempt: Attempt, starts: Sequence[int]) -> Window | None:
    """The console bytes of an attempt: from its start to the start of the next one on the same guest, of those that
    `starts` has in their order. None if it had no guest.

    A kernel report between the end of a case and the beginning of the next is a late effect of the earlier case. What
    the kernel says during an examination answers our own questions.
    """
    if not attempt.console:
        return None
    next_one = bisect_right(starts, attempt.console_from)
    end = starts[next_one] if next_one < len(starts) else attempt.examined_at
    return Window(attempt.guest, attempt.console_from, end)


def _starts(record: KernelRecord) -> defaultdict[int, list[int]]:
    """The console offsets at which attempts begin on each guest, in their order."""
    found = defaultdict[int, list[int]](list)
    for attempt in sorted(record.attempts, key=lambda attempt: attempt.console_from):
        if attempt.console:
            found[attempt.guest].append(attempt.console_from)
    return found


def _in_window(kernel_reports: Sequence[KernelReport], window: Window) -> tuple[KernelReport, ...]:
    """Those that begin in a window, of reports in the order of the log."""
    first = bisect_left(kernel_reports, window.start, key=lambda kernel_report: kernel_report.offset)
    if window.end is None:
        return tuple(kernel_reports[first:])
    return tuple(kernel_reports[first : bisect_left(kernel_reports, window.end, first, key=lambda one: one.offset)])


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
    report = _with_instructions(_read(run, window, home), run, home)
    run_outcome, why, only_reports = _run_outcome(run, report, kernel_reports)
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
        console=_excerpt(home / run.console, window) if window else "",
        stdout=f"{home.name}/{run.stdout}",
        stderr=f"{home.name}/{run.stderr}",
        console_log=f"{home.name}/{run.console}",
        is_host_fault=_is_host_fault(run, kernel_reports),
        diagnosis=run.diagnosis,
        evidence=tuple(f"{home.name}/{run.home}/{name}" for name in FILES if (home / run.home / name).is_file()),
        only_reports=only_reports and not (worst_one and worst_one.outcome.is_bad),
    )


def _with_instructions(report: ktap.KtapReport, run: Attempt, home: Path) -> ktap.KtapReport:
    """Of a program that says how many operations it did between marks."""
    is_counted = any(metric.name == OPERATIONS for subtest in report.subtests for metric in subtest.metrics)
    if not run.coverage or not is_counted:
        return report
    with suppress(OSError, ValueError):  # gone, or left unfinished by a run that was killed
        return replace(report, subtests=counted_subtests(report.subtests, read_hits(home / run.coverage)))
    return report


def _of_boot(run: Attempt, kernel_reports: tuple[KernelReport, ...], home: Path) -> Finding:
    """An attempt that was to boot, and booted."""
    bad = [report for report in kernel_reports if report.outcome.is_bad]
    outcome = worst([Outcome.PASS, *(report.outcome for report in bad)])
    return Finding(
        run.case, outcome, outcome, bad[0].title if bad else "", run.duration_s, kernel_reports=kernel_reports,
        console_log=f"{home.name}/{run.console}", only_reports=bool(bad),
    )  # fmt: skip


def _is_host_fault(run: Attempt, kernel_reports: Sequence[KernelReport]) -> bool:
    """Whether an attempt says nothing about the kernel. If the kernel reported something, it does, however slow the
    host was."""
    is_of_host = run.ending is Ending.HOST_LOST or bool(run.condition and run.condition.is_of_host)
    return is_of_host and not any(kernel_report.outcome.is_bad for kernel_report in kernel_reports)


def _run_outcome(
    run: Attempt, report: ktap.KtapReport, kernel_reports: Sequence[KernelReport]
) -> tuple[Outcome, str, bool]:
    """The outcome of the run itself: how it ended, what the kernel reported, whether exit status and results agree. The
    last value says whether kernel reports are all that is bad."""
    said = [
        (kernel_report.outcome, kernel_report.title) for kernel_report in kernel_reports if kernel_report.outcome.is_bad
    ]
    found = [
        (Outcome.FAIL, f"the kernel did not report what the case expects: {pattern}")
        for pattern in missing(kernel_reports, run.expects)
        if run.ending is not Ending.HOST_LOST  # it might have
    ]
    died_as_expected = run.ending is Ending.GUEST_DIED and any(
        kernel_report.known == EXPECTED for kernel_report in kernel_reports
    )
    if died_as_expected and not said + found:
        return Outcome.PASS, "", False
    if run.ending in OF_LOST_GUEST:
        lost = OF_LOST_GUEST[run.ending]
        is_explained = run.ending in ENDED_BY_REPORT and any(outcome >= lost for outcome, _ in said)
        # what the host did afterwards takes nothing back that the kernel has said
        if not is_explained and not (run.ending is Ending.HOST_LOST and said):
            found.append((lost, run.reason or f"did not end within its limit ({run.duration_s:.0f} s)"))
    else:
        found += [(Outcome.TIMEOUT, run.reason)] if run.condition else []
        found += _exit_findings(run, report)
    found += [(Outcome.TIMEOUT if run.stuck else Outcome.FAIL, leak) for leak in leaks(run)]
    if run.taint_after != run.taint_before and not any(
        kernel_report.outcome.is_bad or kernel_report.known for kernel_report in kernel_reports
    ):
        added = ", ".join(flag.meaning for flag in taint.added(run.taint_before, run.taint_after))
        found.append((Outcome.FAIL, f"the kernel became tainted: {added}"))
    findings = said + found
    if not findings and report.subtests and all(s.outcome is Outcome.SKIP for s in report.subtests):
        return Outcome.SKIP, report.subtests[0].message or "every subtest was skipped", False
    if not findings and run.status == SKIPPED and run.dialect is not Dialect.LTP:
        return Outcome.SKIP, report.skip_reason or "the program skipped itself", False
    if not findings:
        return Outcome.PASS, "", False
    return worst(outcome for outcome, _ in findings), findings[0][1], not found


def _exit_findings(run: Attempt, report: ktap.KtapReport) -> list[tuple[Outcome, str]]:
    if run.status is None:
        said = [(Outcome.FAIL, problem) for problem in report.problems]
        return [(Outcome.FAIL, "the guest did not say how the program ended"), *said]
    found = _exit_findings_of(run, run.status, report)
    if run.is_full and (found or run.status not in (0, SKIPPED)):
        found.insert(0, (Outcome.FAIL, "the program could not write any more: the guest's /tmp is full"))
    return found


def _exit_findings_of(run: Attempt, status: int, report: ktap.KtapReport) -> list[tuple[Outcome, str]]:
    if run.dialect is not Dialect.KTAP:
        return _exit_findings_of_others(status, report)
    failing = any(not s.outcome.is_ok for s in report.subtests)
    found: list[tuple[Outcome, str]] = []
    if run.stdout_dropped:  # first: it explains results that are missing
        found.append((Outcome.FAIL, f"printed too much: {run.stdout_dropped} bytes were dropped"))
    if status > 128:
        found.append((Outcome.FAIL, f"the program was ended by {_signal(status - 128)}"))
    elif status not in (0, SKIPPED) and not failing:
        found.append((Outcome.FAIL, f"exit status {status}, though no subtest failed"))
    elif status == 0 and failing:
        found.append((Outcome.FAIL, "exit status 0, though a subtest failed"))
    if report.is_ktap and status == 0 and not report.subtests:
        found.append((Outcome.FAIL, "reported no result at all"))
    if not report.is_ktap and status != SKIPPED:
        found.append((Outcome.FAIL, "printed no KTAP: there is no result to trust"))
    found += [(Outcome.FAIL, problem) for problem in report.problems]
    return found


def _exit_findings_of_others(status: int, report: ktap.KtapReport) -> list[tuple[Outcome, str]]:
    """For other people's programs the dialect knows what the exit status means."""
    found: list[tuple[Outcome, str]] = []
    if status > 128:
        found.append((Outcome.FAIL, f"the program was ended by {_signal(status - 128)}"))
    return found + [(Outcome.FAIL, problem) for problem in report.problems]


def _read(run: Attempt, window: Window | None, home: Path) -> ktap.KtapReport:
    if run.dialect is Dialect.KUNIT:
        return kunit.parse(_console(home / run.console, window) if window else "")
    stdout = _text(home / run.stdout) if run.stdout else ""
    if run.dialect is Dialect.KTAP:
        return ktap.parse(stdout)
    stderr = _text(home / run.stderr) if run.stderr else ""
    return READERS[run.dialect](stdout, stderr, run.status)


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


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _stage(stage: StageResult, record: KernelRecord, said: Said, home: Path) -> StageResult:
    """A stage with its log; for boot, with the kernel reports before the first case on each of its guests."""
    if stage.stage != BOOT or not record.numbers:
        log = f"logs/{stage.stage}.log"
        return replace(stage, log=f"{home.name}/{log}") if (home / log).is_file() else stage
    found: dict[str, KernelReport] = {}
    starts = _starts(record)
    windows = [Window(guest, 0, min(starts[guest], default=stage.examined_at)) for guest in record.numbers]
    for window in windows:
        for kernel_report in _in_window(said[window.guest], window):
            found.setdefault(kernel_report.title, kernel_report)
    bad = [kernel_report for kernel_report in found.values() if kernel_report.outcome.is_bad]
    shown = windows[-1 if stage.outcome.is_bad else 0]
    console = f"guest-{shown.guest}/console.log"
    return replace(
        stage,
        outcome=worst([stage.outcome, *(kernel_report.outcome for kernel_report in bad)]),
        message=_boot_words(stage, bad),
        kernel_reports=tuple(found.values()),
        console=_excerpt(home / console, shown),
        is_patch_fault=stage.is_patch_fault or bool(bad),
        only_reports=bool(bad) and not stage.outcome.is_bad,
        log=f"{home.name}/{console}",
    )


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


def _excerpt(path: Path, window: Window) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as handle:
        whole = path.stat().st_size
        size = whole if window.end is None else min(window.end, whole)
        at = min(size, max(window.start, size - EXCERPT))
        handle.seek(at)
        text = handle.read(size - at).decode(errors="replace")
    return text if at <= window.start else f"[{at - window.start} bytes before this are in {path.name}]\n{text}"
