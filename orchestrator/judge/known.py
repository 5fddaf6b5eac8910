"""Kernel reports that are no failure: known issues (known-issues.yaml), and what a case expects (testcase.yaml)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.kernel_report import KernelReport, KnownIssue
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import SuiteReport
from orchestrator.parse.expressions import is_title

EXPECTED = "expected by the case"
_VERSION = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,9}")


def range_problem(versions: str) -> str:
    """Why a range of kernel versions is wrong; empty if it is not."""
    low, high = _ends(versions)
    if any(end and not _VERSION.fullmatch(end) for end in (low, high)):
        return f"{versions[:80]!r}: write 6.10..6.12, 6.12.., ..6.12 or 6.12"
    return f"{versions!r}: is empty" if low and high and _number(low) > (*_number(high), 1 << 30) else ""


def applies(issue: KnownIssue, kconfig: str, release: str) -> bool:
    """Whether an entry applies to a kernel: by the fragments of its kconfig (base, debug+kasan) and by its release."""
    if issue.kconfigs and not set(issue.kconfigs) & {"base", *kconfig.split("+")}:
        return False
    if not issue.base:
        return True
    found = _VERSION.match(release)
    if not found:
        return False
    version, (low, high) = _number(found[0]), _ends(issue.base)
    # 6.12 as an upper end takes all of 6.12.y in
    return not (low and version < _number(low)) and not (high and version[: len(_number(high))] > _number(high))


def release_of(facts: KernelFacts) -> str:
    """The release of a kernel, as the guest or the build said; empty where there is none."""
    return facts.release or facts.kernel


def is_expired(issue: KnownIssue, today: str) -> bool:
    """`today` as YYYY-MM-DD."""
    return today > issue.expires


def mark_known(kernel_reports: Sequence[KernelReport], issues: Sequence[KnownIssue]) -> tuple[KernelReport, ...]:
    """The reports, with those that a known issue matches marked: they are no failure, and name its link. An entry may
    match an alternative title, if none matches the title itself; then that is named too."""
    return tuple(_known(kernel_report, issues) for kernel_report in kernel_reports)


def _known(kernel_report: KernelReport, issues: Sequence[KnownIssue]) -> KernelReport:
    found = _marked(kernel_report, [(issue.title, issue.link) for issue in issues])
    if found.known:
        return found
    alike = ((issue, _match(issue.title, kernel_report)) for issue in issues)
    reason = next((f"{issue.link}, as {title!r}" for issue, title in alike if title), "")
    return replace(kernel_report, known=reason, outcome=Outcome.PASS) if reason else kernel_report


def _match(pattern: str, kernel_report: KernelReport) -> str:
    """The first of a report's titles that an expression matches; empty if none."""
    titles = (kernel_report.title, *kernel_report.alternatives)
    return next((title for title in titles if is_title(pattern, title)), "")


def mark_expected(kernel_reports: Sequence[KernelReport], patterns: Sequence[str]) -> tuple[KernelReport, ...]:
    """The reports; those that the case expects are no failure."""
    return tuple(
        _marked(kernel_report, [(pattern, EXPECTED) for pattern in patterns]) for kernel_report in kernel_reports
    )


def missing(kernel_reports: Sequence[KernelReport], patterns: Sequence[str]) -> list[str]:
    """What the case expects and the kernel did not report."""
    return [
        pattern
        for pattern in patterns
        if not any(is_title(pattern, kernel_report.title) for kernel_report in kernel_reports)
    ]


def remarks(issues: Sequence[KnownIssue], suites: Sequence[SuiteReport], today: str) -> Iterator[str]:
    """Entries that need attention: expired ones, and those that matched nothing although they apply to a kernel of the
    run."""
    of_stages = [kernel_report for suite in suites for stage in suite.stages for kernel_report in stage.kernel_reports]
    kernel_reports = of_stages + [
        kernel_report for suite in suites for case in suite.cases for kernel_report in case.kernel_reports
    ]
    for issue in issues:
        if is_expired(issue, today):
            yield f"known issue {issue.title!r} expired on {issue.expires}: it counts again ({issue.link})"
        elif not any(applies(issue, suite.kconfig, release_of(suite.facts)) for suite in suites):
            continue
        elif not any(_match(issue.title, kernel_report) and kernel_report.known for kernel_report in kernel_reports):
            yield f"known issue {issue.title!r} was not seen ({issue.link})"


def _marked(kernel_report: KernelReport, reasons: Sequence[tuple[str, str]]) -> KernelReport:
    reason = next((why for pattern, why in reasons if is_title(pattern, kernel_report.title)), "")
    return replace(kernel_report, known=reason, outcome=Outcome.PASS) if reason else kernel_report


def _ends(versions: str) -> tuple[str, str]:
    low, dots, high = versions.partition("..")
    return (low, high) if dots else (low, low)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
