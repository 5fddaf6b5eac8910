"""A run's result for each patch of its series, for patchwork's checks and `b4 review`. Pure.

A kernel's result is that of the patch behind which it was built: of the last one, and with --each-patch of the others.
Where the lines at fault were written by one patch, it has the result too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from orchestrator.judge.verdict import is_excused, is_patch_failure, is_short
from orchestrator.model.kernel import Role
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import CaseResult, RunReport, StageResult, SuiteReport
from orchestrator.reporters.compared import compared
from orchestrator.reporters.elsewhere import address, ci_name, digest, why
from orchestrator.reporters.failures import items_of, name_of
from orchestrator.reporters.junit_names import suite_name
from orchestrator.reporters.outside import for_others
from orchestrator.reporters.pinpoint import Level, pinpoints
from orchestrator.reporters.text import one_line, printable
from orchestrator.words import counted

LONGEST = 250  # characters of a description, which is shown in one line
LONGEST_CONTEXT = 200  # of the 255 that patchwork takes


class State(Enum):
    """As patchwork calls them."""

    SUCCESS = "success"
    WARNING = "warning"
    FAIL = "fail"
    PENDING = "pending"


@dataclass(frozen=True)
class Check:
    """One kernel's result for one patch, which is counted from 1. `news` is a digest of what a reader learns."""

    patch: int
    context: str
    state: State
    description: str
    target_url: str
    details: tuple[str, ...]
    news: str


def checks(report: RunReport) -> tuple[Check, ...]:
    """In the order of the kernels. None of a run without a series, or of mutants."""
    report = for_others(report)
    if not report.subjects or any(suite.has_mutants for suite in report.suites):
        return ()
    found: dict[tuple[int, str], Check] = {}
    for suite in report.suites:
        for one in _of_suite(report, suite):
            found.setdefault((one.patch, one.context), one)
    return tuple(found.values())


def _of_suite(report: RunReport, suite: SuiteReport) -> Iterator[Check]:
    if suite.role not in (Role.PATCHED, Role.PER_PATCH):
        return
    state, description = _state(report, suite)
    bad = [item for item in items_of(suite) if item.outcome.is_bad]
    whole = len(report.subjects)
    last = whole if suite.role is Role.PATCHED else suite.facts.patches
    told = sorted(f"{name_of(item)} {item.outcome.name}" for item in bad if is_patch_failure(item))
    made = Check(
        last,
        context(report, suite),
        state,
        one_line(description, LONGEST),
        address(report, "report.html"),
        tuple(printable(_line(item)) for item in bad[:50]),
        digest(state.value, *told),
    )
    yield made
    at_fault = {one.patch for one in pinpoints(report) if one.level is Level.ERROR and one.kernel == suite.name}
    if state is State.FAIL and len(at_fault) == 1 and 0 < (patch := at_fault.pop()) <= whole and patch != last:
        yield Check(patch, made.context, state, made.description, made.target_url, made.details, made.news)


def context(report: RunReport, suite: SuiteReport) -> str:
    """`orchestrate-base-x86_64-gcc-12`: patchwork takes [a-zA-Z0-9_-] alone. The same for each version of a series, and
    for all its patches."""
    name = suite_name(report, replace(suite, role=Role.PATCHED))  # a kernel behind a patch has the name of the whole
    slug = re.sub(r"[^a-zA-Z0-9_-]+", "-", f"{ci_name(report)}-{name}").strip("-")
    return slug if len(slug) <= LONGEST_CONTEXT else f"{slug[: LONGEST_CONTEXT - 13]}-{digest(slug)[:12]}"


def _state(report: RunReport, suite: SuiteReport) -> tuple[State, str]:
    """The state, and one sentence why."""
    items = list(items_of(suite))
    at_fault = [item for item in items if is_patch_failure(item)]
    if at_fault:
        more = f", and {counted(len(at_fault) - 1, 'more failure')}" if len(at_fault) > 1 else ""
        return State.FAIL, f"{_line(at_fault[0])}{more}"
    if report.verdict is Verdict.INTERRUPTED:
        return State.PENDING, "interrupted, and not finished"
    if short := next(filter(is_short, items), None):
        return State.WARNING, _line(short)
    unknown = [item for item in items if item.outcome.is_bad and not is_excused(item)]
    if unknown:
        return State.WARNING, f"no verdict: {_line(unknown[0])}"
    passed = sum(case.outcome is Outcome.PASS for case in suite.cases)
    excused = [item for item in items if item.outcome.is_bad]
    if not passed and not (suite.role is Role.PER_PATCH and suite.stages and not excused):
        return State.WARNING, f"no verdict: {report.reason}"
    said = f"{counted(passed, 'case')} passed" if passed else "builds and boots"
    if excused:
        said += f"; not new: {', '.join(name_of(item) for item in excused)}"
    return State.SUCCESS, said


def _line(item: StageResult | CaseResult) -> str:
    said = "; ".join(part for part in (why(item), compared(item)) if part)
    return f"{name_of(item)}: {item.outcome.name}" + (f": {said}" if said else "")
