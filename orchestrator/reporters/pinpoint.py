"""The lines of source code that a run's failures are about: annotations of a change, marks in its diff. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from orchestrator.judge.cause import cause
from orchestrator.judge.verdict import is_excused, is_patch_failure
from orchestrator.model.kernel_report import KernelReport, Mark, SourceLine
from orchestrator.model.report import STATIC_CHECKS, CaseResult, RunReport, StageResult, SuiteReport
from orchestrator.parse.static_findings import findings_told
from orchestrator.reporters import decoded
from orchestrator.reporters.compared import compared

# `mm/vma.c:12:3: message`, as compilers and kconfig name a place, anywhere in a stage's message
_PLACE = re.compile(
    r"(?:^|[\s(])(?P<file>(?:[\w.+-]+/)*(?:[\w+-]+\.[A-Za-z]\w*|Kconfig[\w.-]*|Makefile|Kbuild)):(?P<line>[1-9]\d{0,8})"
    r"(?::\d+)?: (?P<what>.+)"
)


class Level(Enum):
    """How much a place matters to the author of the series."""

    ERROR = "error"  # the series is at fault
    WARNING = "warning"  # whose fault it is, is not settled; or a tool warns
    NOTE = "note"  # the base has it too; or advice


@dataclass(frozen=True)
class Pinpoint:
    """A line of source code and what is wrong with it. `file` is a path in the kernel tree. The line is counted in the
    tree with the first `patches` patches of the series (0: not known how many)."""

    file: str
    line: int
    level: Level
    rule: str  # the kind of kernel report, the stage, or the tool: what a reader groups by
    title: str
    details: tuple[str, ...] = ()  # a line each
    kernel: str = ""
    test: str = ""  # the case or stage that showed it
    text: str = ""  # the line itself, stripped; empty where it is not known
    patch: int = 0  # the number of the patch that wrote the line; 0: none did
    patches: int = 0


def pinpoints(report: RunReport) -> tuple[Pinpoint, ...]:
    """Each place once, with the first failure that shows it; errors first, else in the order of the report."""
    found: dict[tuple[str, int, str, str], Pinpoint] = {}
    for suite in report.suites:
        for one in _of_suite(suite):
            known = found.setdefault((one.file, one.line, one.rule, one.title), one)
            if _RANK[one.level] < _RANK[known.level]:
                found[one.file, one.line, one.rule, one.title] = one
    return tuple(sorted(found.values(), key=lambda one: _RANK[one.level]))


_RANK = {level: number for number, level in enumerate(Level)}


def level_of(item: StageResult | CaseResult) -> Level:
    """How much a failure matters."""
    if is_patch_failure(item):
        return Level.ERROR
    return Level.NOTE if is_excused(item) else Level.WARNING


def _of_suite(suite: SuiteReport) -> Iterator[Pinpoint]:
    for stage in suite.stages:
        if stage.stage == STATIC_CHECKS:
            yield from _static(suite, stage)
        elif stage.outcome.is_bad:
            yield from _of_reports(suite, stage, stage.kernel_reports)
            yield from _of_message(suite, stage)
    for case in suite.cases:
        if case.outcome.is_bad:
            yield from _of_reports(suite, case, case.kernel_reports)


def _of_message(suite: SuiteReport, stage: StageResult) -> Iterator[Pinpoint]:
    """The place that a failed stage names: the compiler's first error, a line of a Kconfig file."""
    match = _PLACE.search(stage.message)
    if match and stage.is_patch_fault:
        title = f"{stage.stage}: {match['what']}"
        yield Pinpoint(
            match["file"],
            int(match["line"]),
            level_of(stage),
            stage.stage,
            title,
            tuple(stage.detail.splitlines()[:12]),
            suite.name,
            stage.stage,
            patches=suite.facts.patches,
        )


def _static(suite: SuiteReport, stage: StageResult) -> Iterator[Pinpoint]:
    for finding in findings_told(stage.detail):
        level = Level.WARNING if finding.severity.value in ("error", "warning") else Level.NOTE
        title = f"{finding.tool}: {finding.message}"
        yield Pinpoint(
            finding.file, finding.line, level, finding.tool, title, (), suite.name, stage.stage,
            patches=suite.facts.patches,
        )  # fmt: skip


def _of_reports(
    suite: SuiteReport, item: StageResult | CaseResult, kernel_reports: Iterable[KernelReport]
) -> Iterator[Pinpoint]:
    """The line that the series wrote, where there is one, else the culprit line."""
    test = item.stage if isinstance(item, StageResult) else item.case
    for kernel_report in kernel_reports:
        if not kernel_report.outcome.is_bad or kernel_report.known:
            continue
        spots = decoded.spots(kernel_report)
        if not spots:
            continue
        spot = next((one for one in spots if one.place.mark is Mark.LINE), spots[0])
        others = [f"at {one.line}" for one in spots if one is not spot]
        names = decoded.callers(kernel_report)
        details = [
            f"{test} on {suite.name}: {item.outcome.name}" + (f" ({said})" if (said := compared(item)) else ""),
            *([spot.by] if spot.by else []),
            *others,
            *([f"called by {', '.join(names)}"] if names else []),
            *([cause(item)] if isinstance(item, CaseResult) and item.diagnosis else []),
        ]
        yield Pinpoint(
            spot.place.file,
            spot.place.line,
            level_of(item),
            kernel_report.kind,
            kernel_report.title,
            tuple(details),
            suite.name,
            test,
            spot.place.text.strip(),
            patch_number(spot.place),
            suite.facts.patches,
        )


def patch_number(place: SourceLine) -> int:
    if place.mark is not Mark.LINE or not place.patches:
        return 0
    number = place.patches[0].partition("/")[0]
    return int(number) if number.isdecimal() else 0
