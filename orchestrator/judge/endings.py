"""How the program of an attempt ended -> what that says of the kernel. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.judge.known import EXPECTED, missing
from orchestrator.judge.leaks import leaks
from orchestrator.model.attempt import Attempt, Ending
from orchestrator.model.case import Dialect
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome, worst
from orchestrator.parse.logs import taint
from orchestrator.parse.logs.signal_names import signal_name
from orchestrator.parse.results import ktap

SKIPPED = 4  # kselftest's exit status
OF_LOST_GUEST = {
    Ending.GUEST_DIED: Outcome.CRASH,
    Ending.HOST_LOST: Outcome.ERROR,  # the kernel did not crash
    Ending.GUEST_FROZE: Outcome.TIMEOUT,
    Ending.TIMED_OUT: Outcome.TIMEOUT,
    Ending.STOPPED: Outcome.FAIL,
}
ENDED_BY_REPORT = (Ending.GUEST_DIED, Ending.STOPPED)  # a report that is as bad explains it


def is_host_fault(run: Attempt, kernel_reports: Sequence[KernelReport]) -> bool:
    """Whether an attempt says nothing about the kernel. If the kernel reported something, it does, however slow the
    host was."""
    is_of_host = run.ending is Ending.HOST_LOST or bool(run.condition and run.condition.is_of_host)
    return is_of_host and not any(kernel_report.outcome.is_bad for kernel_report in kernel_reports)


def how_it_ended(
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
        found.append((Outcome.FAIL, f"the program was ended by {signal_name(status - 128)}"))
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
        found.append((Outcome.FAIL, f"the program was ended by {signal_name(status - 128)}"))
    return found + [(Outcome.FAIL, problem) for problem in report.problems]
