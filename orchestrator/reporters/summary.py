"""The summary of a run as plain rows, before it is drawn. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby

from orchestrator.evidence.cost import measured
from orchestrator.evidence.cost import told as costs
from orchestrator.evidence.coverage import told
from orchestrator.judge.verdict import is_excused
from orchestrator.model.coverage import Coverage
from orchestrator.model.evidence_files import POSTMORTEM
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import (
    COST,
    COVERAGE,
    Answer,
    CaseResult,
    Metric,
    RunReport,
    StageResult,
    Subtest,
    SuiteReport,
)
from orchestrator.reporters import decoded
from orchestrator.reporters.compared import compared
from orchestrator.reporters.text import printable
from orchestrator.words import counted

_BAD_SUBTESTS = 10  # for each case; the files have them all
_MESSAGE_CHARS = 200
_REMARK_CHARS = 80  # of what a stage that passed has to say
_THROUGHPUT = "ops/s"
_LINES, _LINE_CHARS = 20, 140  # lines, and their length
NOT_RUN = "NOT RUN"


class Tone(Enum):
    """How good or bad a row is."""

    GOOD = "good"
    OPEN = "open"  # it proves nothing, or is not the series' doing
    BAD = "bad"
    DEAD = "dead"  # a kernel crashed
    UNKNOWN = "unknown"  # nobody can tell


TONES = {
    Outcome.PASS: Tone.GOOD,
    Outcome.SKIP: Tone.OPEN,
    Outcome.NOT_EXERCISED: Tone.OPEN,
    Outcome.FAIL: Tone.BAD,
    Outcome.TIMEOUT: Tone.BAD,
    Outcome.CRASH: Tone.DEAD,
    Outcome.ERROR: Tone.UNKNOWN,
}
VERDICT_TONES = {
    Verdict.CLEAN: Tone.GOOD,
    Verdict.ALL_KILLED: Tone.GOOD,
    Verdict.PATCH_AT_FAULT: Tone.BAD,
    Verdict.FAILED: Tone.BAD,
    Verdict.SURVIVED: Tone.BAD,
    Verdict.INTERRUPTED: Tone.OPEN,
    Verdict.NO_VERDICT: Tone.UNKNOWN,
    Verdict.BAD_REQUEST: Tone.UNKNOWN,
}


@dataclass(frozen=True)
class Row:
    """A line of a suite's table. `depth` is 0 for a stage or case, 1 for a subtest of the case above."""

    depth: int
    name: str
    label: str
    tone: Tone
    time: str
    ops: str
    message: str


@dataclass(frozen=True)
class Evidence:
    """A kernel report or a diagnosis, and where to read it: `place` is a file, or file:line. `code` is the culprit line
    of source code."""

    title: str
    place: str
    tone: Tone
    code: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One suite. Texts are printable, each on one line."""

    title: str
    rows: tuple[Row, ...]
    kernel_reports: tuple[Evidence, ...]
    performance: tuple[str, ...] = ()  # what operations cost, with --perf
    cost: tuple[str, ...] = ()  # what differs between the builds with and without the series
    never_hit: tuple[str, ...] = ()  # changed statements that could have run, of a kernel that was measured
    ways: str = ""  # which ways its changed conditions went, in a sentence
    one_way: tuple[str, ...] = ()  # those that ran, and not every way


def tables(report: RunReport) -> tuple[Table, ...]:
    return tuple(_table(report, suite) for suite in report.suites)


def seconds(time_s: float) -> str:
    """`0.2 s`, `75.0 s`, `12 min 5 s`: readable at a glance."""
    if time_s < 120:
        return f"{time_s:.1f} s"
    if not time_s < 1e9:  # also NaN
        return "?"
    return f"{int(time_s) // 60} min {int(time_s) % 60} s"


def _table(report: RunReport, suite: SuiteReport) -> Table:
    rows: list[Row] = []
    for stage in suite.stages:
        rows.append(_stage_row(stage))
        rows.extend(_subtest_rows(stage.subtests, is_excused(stage)))
    for is_not_run, cases in groupby(suite.cases, key=lambda case: case.is_not_run):
        if is_not_run:
            rows.extend(_not_run_rows(cases))
            continue
        for case in cases:
            rows.append(_case_row(case))
            rows.extend(_subtest_rows(case.subtests, is_excused(case)))
    kernel_reports = [
        evidence
        for stage in suite.stages
        for evidence in _evidence(stage.kernel_reports, report, stage.log, stage.stage)
    ]
    for case in suite.cases:
        kernel_reports.extend(_evidence(case.kernel_reports, report, case.console_log, case.case))
        kernel_reports.extend(_diagnosis(case, report))
    return Table(
        printable(suite.name),
        tuple(rows),
        tuple(kernel_reports),
        tuple(printable(measured.words(one)) for one in suite.performance),
        tuple(map(printable, costs.screen(suite.cost))) if suite.cost else (),
        *_of_coverage(suite.coverage),
    )


def _of_coverage(found: Coverage | None) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    if not found or not found.cases:
        return (), "", ()
    lists = (tuple(_bounded(lines)) for lines in (told.never_hit(found), told.one_way(found)))
    never_hit, one_way = lists
    return never_hit, _message(told.ways_sentence(found), _MESSAGE_CHARS), one_way


def _bounded(lines: Sequence[str]) -> Iterator[str]:
    for line in lines[:_LINES]:
        yield _message(line, _LINE_CHARS)
    if len(lines) > _LINES:
        yield f"... {len(lines) - _LINES} more, in report.json"


def _stage_row(stage: StageResult) -> Row:
    is_whole = stage.outcome.is_bad or stage.stage in (COVERAGE, COST)
    said = _message(stage.message, _MESSAGE_CHARS if is_whole else _REMARK_CHARS)
    if stage.hint and stage.outcome.is_bad:
        said = f"{said} (hint: {printable(stage.hint)})"
    if stage.cached:
        said = f"cached {said}".strip()
    said = _compared(stage, said)
    return Row(0, printable(stage.stage), stage.outcome.name, tone(stage), seconds(stage.time_s), "", said)


def _case_row(case: CaseResult) -> Row:
    metrics = [*case.metrics, *(metric for subtest in case.subtests for metric in subtest.metrics)]
    ok = sum(subtest.outcome is Outcome.PASS for subtest in case.subtests)
    skipped = sum(subtest.outcome is Outcome.SKIP for subtest in case.subtests)
    said = _message(case.message)
    if case.outcome is Outcome.PASS and case.subtests:
        counted = f"{ok} of {len(case.subtests)} subtests" + (f", {skipped} skipped" if skipped else "")
        said = f"{counted} {said}".strip()
    said = _compared(case, said)
    name, label = printable(case.case), case.outcome.name
    return Row(0, name, label, tone(case), seconds(case.time_s), throughput(metrics), said)


def _not_run_rows(cases: Iterable[CaseResult]) -> Iterator[Row]:
    """One row for all cases that were not run for the same reason."""
    for (outcome, message), group in groupby(cases, key=lambda case: (case.outcome, case.message)):
        names = [printable(case.case) for case in group]
        name = names[0] if len(names) == 1 else f"{len(names)} cases"
        said = message if len(names) == 1 else f"{message}: {', '.join(names)}"
        yield Row(0, name, NOT_RUN, TONES[outcome], "", "", _message(said))


def _compared(item: StageResult | CaseResult, said: str) -> str:
    """The comparison with the base comes first: it decides."""
    return "; ".join(part for part in (printable(compared(item)), said) if part)


def tone(item: StageResult | CaseResult) -> Tone:
    if not item.outcome.is_bad:
        return TONES[item.outcome]
    if is_excused(item):
        return Tone.OPEN
    if item.comparison and item.comparison.answer is Answer.INCONCLUSIVE:
        return Tone.UNKNOWN
    return TONES[item.outcome]


def _subtest_rows(subtests: Sequence[Subtest], excused: bool) -> Iterator[Row]:
    """Only the subtests that failed; the files have the rest. Subtests that never ran, because one before them
    hung, take one row."""
    bad = [subtest for subtest in subtests if subtest.outcome.is_bad]
    never_ran = [subtest for subtest in bad if not subtest.time_s and not subtest.metrics and subtest.message]
    alike = never_ran if len(never_ran) > 1 and len({subtest.message for subtest in never_ran}) == 1 else []
    shown = [subtest for subtest in bad if subtest not in alike]

    def row(name: str, outcome: Outcome, time: str = "", ops: str = "", said: str = "") -> Row:
        return Row(1, name, outcome.name, Tone.OPEN if excused else TONES[outcome], time, ops, said)

    for subtest in shown[:_BAD_SUBTESTS]:
        name, ops = printable(subtest.name), throughput(subtest.metrics)
        yield row(name, subtest.outcome, seconds(subtest.time_s), ops, _message(subtest.message))
    if len(shown) > _BAD_SUBTESTS:
        left = shown[_BAD_SUBTESTS:]
        yield row(f"... {len(left)} more", max(subtest.outcome for subtest in left))
    if alike:
        outcome = max(subtest.outcome for subtest in alike)
        yield row(counted(len(alike), "other"), outcome, said=_message(alike[0].message))


def _message(message: str, limit: int = _MESSAGE_CHARS) -> str:
    said = printable(message[: 4 * limit])
    return f"{said[: limit - 3]}..." if len(said) > limit else said


def throughput(metrics: list[Metric] | tuple[Metric, ...]) -> str:
    """The sum of all metrics in operations per second; empty if there is none."""
    values = [metric.value for metric in metrics if metric.unit == _THROUGHPUT]
    return f"{sum(values):,.0f}" if values else ""


def _diagnosis(case: CaseResult, report: RunReport) -> Iterator[Evidence]:
    """Why it hung or crashed, and the file with the details."""
    if case.diagnosis:
        place = next((name for name in case.evidence if name.endswith(POSTMORTEM)), case.console_log)
        yield Evidence(printable(case.diagnosis), printable(f"{report.run_dir}/{place}"), tone(case))


def _evidence(kernel_reports: tuple[KernelReport, ...], report: RunReport, log: str, owner: str) -> Iterator[Evidence]:
    """One for each title: the first report, and the number of reports."""
    found: dict[str, list[KernelReport]] = {}
    for kernel_report in kernel_reports:
        found.setdefault(kernel_report.label, []).append(kernel_report)
    for label, same in found.items():
        first = same[0]
        place = (
            f"{report.run_dir}/{log}:{first.line_start}" if log else f"{owner}, line {first.line_start} of its console"
        )
        title = f"{label} ({counted(len(same), 'time')})" if len(same) > 1 else label
        yield Evidence(printable(title), printable(place), TONES[first.outcome], tuple(_code(first)))


def _code(kernel_report: KernelReport) -> Iterator[str]:
    for spot in decoded.spots(kernel_report):
        yield printable(f"{spot.line}: {spot.place.text}" if spot.place.text else spot.line)
        if spot.by:
            yield f"  {printable(spot.by)}"
    if names := decoded.callers(kernel_report):
        yield printable(f"called by {', '.join(names)}")
