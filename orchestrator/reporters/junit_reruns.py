"""Attempts of a case beyond the one that its JUnit test case shows, in surefire's form: `rerunFailure` beside a
failure, `flakyFailure` where the test case itself is none, `rerunError` and `flakyError` where the host spoiled the
attempt. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from orchestrator.judge.cause import cause
from orchestrator.judge.leaks import is_leak
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Finding, Subtest
from orchestrator.reporters import decoded, text
from orchestrator.reporters.junit_files import RunFiles, files_of_case
from orchestrator.reporters.junit_names import NAME_CHARS
from orchestrator.reporters.junit_results import Element, type_of

_MESSAGE_CHARS = 500
_SAID_CHARS = 200


@dataclass(frozen=True)
class Rerun:
    """An attempt that failed. `element` is its name in XML."""

    element: str
    type: str
    message: str
    trace: str = field(repr=False)
    out: str = field(repr=False)


def reruns_of_run(
    findings: Sequence[Finding], shown: Element, places: RunFiles, count: int, limit: int
) -> tuple[Rerun, ...]:
    """The attempts that failed as a whole: at most `count`, each with `limit` bytes of text."""
    bad = [finding for finding in findings if finding.run_outcome.is_bad]
    return tuple(_of_run(finding, shown, places, limit) for finding in bad[:count])


def reruns_of_subtest(
    name: str, findings: Sequence[Finding], shown: Element, places: RunFiles, count: int, limit: int
) -> tuple[Rerun, ...]:
    """The attempts in which the subtest failed."""
    bad = [
        (subtest, finding)
        for finding in findings
        for subtest in finding.subtests
        if subtest.name == name and subtest.outcome.is_bad
    ]
    return tuple(_of_subtest(subtest, finding, shown, places, limit) for subtest, finding in bad[:count])


def history(findings: Sequence[Finding]) -> str:
    """A line for each attempt."""
    return "\n".join(_line(finding) for finding in findings)


def _line(finding: Finding) -> str:
    said = text.one_line(cause(finding), _SAID_CHARS) if finding.outcome is not Outcome.PASS else ""
    return f"{_which(finding)}: {finding.outcome.name} after {finding.time_s:.1f} s" + (f": {said}" if said else "")


def _which(finding: Finding) -> str:
    pair = f", pair {finding.pair}" if finding.pair else ""
    return f"attempt {finding.number}{pair}, seed {finding.seed}"


def _of_run(finding: Finding, shown: Element, places: RunFiles, limit: int) -> Rerun:
    parts = [finding.message, finding.diagnosis, *_reports(finding)]
    kind = type_of(finding.run_outcome, finding.kernel_reports, "Leak" if is_leak(finding.message) else "ExitStatus")
    return _rerun(finding, finding.run_outcome, shown, kind, cause(finding), parts, places, limit)


def _of_subtest(subtest: Subtest, finding: Finding, shown: Element, places: RunFiles, limit: int) -> Rerun:
    parts = [subtest.message, *subtest.diagnostics]
    kind = type_of(subtest.outcome, (), "Subtest")
    return _rerun(finding, subtest.outcome, shown, kind, subtest.message, parts, places, limit)


def _rerun(
    finding: Finding,
    outcome: Outcome,
    shown: Element,
    kind: str,
    message: str,
    parts: Sequence[str],
    places: RunFiles,
    limit: int,
) -> Rerun:
    says_nothing = finding.is_host_fault or outcome is Outcome.ERROR
    said = message or f"{outcome.name.lower()}, no reason was given"
    trace = "\n\n".join([part for part in parts if part] or [said])
    return Rerun(
        element=f"{'rerun' if shown.is_bad else 'flaky'}{'Error' if says_nothing else 'Failure'}",
        type="Infrastructure" if says_nothing else text.one_line(kind, NAME_CHARS),
        message=text.one_line(f"{said} ({_which(finding)})", _MESSAGE_CHARS),
        trace=text.middle(trace, limit, places.absolute(finding.console_log)),
        out="\n".join([_line(finding), *places.attachments(files_of_case(finding))]),
    )


def _reports(finding: Finding) -> Iterator[str]:
    for kernel_report in finding.kernel_reports:
        if kernel_report.outcome.is_bad:
            yield f"--- {kernel_report.kind}: {kernel_report.label}\n{decoded.screen(kernel_report)}"
