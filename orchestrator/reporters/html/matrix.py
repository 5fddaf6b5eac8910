"""Tests x kernels, as the page's table. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.judge.cause import cause
from orchestrator.model.report import CaseResult, Finding, RunReport, StageResult, SuiteReport
from orchestrator.reporters.failures import is_not_run, name_of
from orchestrator.reporters.summary import NOT_RUN, Tone, seconds, throughput, tone

MOST_OPEN_ROWS = 1000  # that did not pass, in one table
CHUNK = 500  # rows of a table that is closed until it is wanted
SMALL = 60  # a matrix of at most so many rows is open as a whole
_MUTANTS = {"PASS": "KILLED", "FAIL": "SURVIVED", "SKIP": "NOT TRIED"}


@dataclass(frozen=True)
class Cell:
    """A test on one kernel. `anchor` is where the page says more."""

    label: str
    tone: Tone
    time: str
    ops: str = ""
    anchor: str = ""


@dataclass(frozen=True)
class Row:
    """A test on all kernels: None where a kernel does not have it."""

    name: str
    cells: tuple[Cell | None, ...]
    said: str = ""

    @property
    def is_good(self) -> bool:
        return all(cell is None or cell.tone is Tone.GOOD for cell in self.cells)


@dataclass(frozen=True)
class Chunk:
    """Rows under a heading."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Matrix:
    """Tests x kernels: the way to the guest, what did not pass on every kernel, and what did."""

    kernels: tuple[str, ...]
    stages: tuple[Row, ...]
    remarkable: tuple[Chunk, ...]
    passed: tuple[Chunk, ...]
    passed_count: int

    @property
    def is_small(self) -> bool:
        return self.passed_count <= SMALL


def matrix(report: RunReport, places: Mapping[tuple[str, str], str]) -> Matrix:
    suites = report.suites
    stages = _rows(suites, lambda suite: suite.stages, places)
    rows = _rows(suites, lambda suite: suite.cases, places)
    good = [row for row in rows if row.is_good]
    rest = sorted((row for row in rows if not row.is_good), key=lambda row: not _is_bad(row))
    first, more = rest[:MOST_OPEN_ROWS], rest[MOST_OPEN_ROWS:]
    return Matrix(
        kernels=tuple(suite.name for suite in suites),
        stages=tuple(stages),
        remarkable=(*([Chunk("", tuple(first))] if first else []), *_chunks(more)),
        passed=tuple(_chunks(good)),
        passed_count=len(good),
    )


def _is_bad(row: Row) -> bool:
    return any(cell and cell.tone in (Tone.BAD, Tone.DEAD, Tone.UNKNOWN) for cell in row.cells)


def _rows(
    suites: Sequence[SuiteReport],
    chosen: Callable[[SuiteReport], Sequence[StageResult] | Sequence[CaseResult]],
    places: Mapping[tuple[str, str], str],
) -> list[Row]:
    """One row for each name, in the order in which they first come."""
    found: dict[str, dict[int, Cell]] = {}
    said: dict[str, str] = {}
    for column, suite in enumerate(suites):
        for item in chosen(suite):
            found.setdefault(name_of(item), {})[column] = _cell(suite, item, places)
            if (item.outcome.is_bad or suite.has_mutants) and name_of(item) not in said:
                said[name_of(item)] = cause(item) if isinstance(item, CaseResult) else item.message
        for case, again in _only_again(suite).items():
            if case in found:
                found[case][column] = again
    return [
        Row(test, tuple(cells.get(column) for column in range(len(suites))), said.get(test, ""))
        for test, cells in found.items()
    ]


def _only_again(suite: SuiteReport) -> dict[str, Cell]:
    """Cases that ran on a kernel for nothing but the comparison with another."""
    first = {case.case for case in suite.cases}
    again: dict[str, list[Finding]] = {}
    for finding in suite.attempts:
        if finding.case not in first and not finding.is_host_fault:
            again.setdefault(finding.case, []).append(finding)
    cells = {}
    for case, findings in again.items():
        failed = sum(finding.outcome.is_bad for finding in findings)
        words = f"failed {failed} of {len(findings)}"
        cells[case] = Cell(words, Tone.OPEN if failed else Tone.GOOD, "")
    return cells


def _cell(suite: SuiteReport, item: StageResult | CaseResult, places: Mapping[tuple[str, str], str]) -> Cell:
    ops = ""
    if isinstance(item, CaseResult):
        ops = throughput([*item.metrics, *(metric for subtest in item.subtests for metric in subtest.metrics)])
    anchor = places.get((suite.name, name_of(item)), "")
    return Cell(label_of(suite, item), tone(item), "" if is_not_run(item) else seconds(item.time_s), ops, anchor)


def _chunks(rows: Sequence[Row]) -> Iterator[Chunk]:
    for at in range(0, len(rows), CHUNK):
        part = tuple(rows[at : at + CHUNK])
        yield Chunk(f"{part[0].name} … {part[-1].name}" if len(part) > 1 else part[0].name, part)


def label_of(suite: SuiteReport, item: StageResult | CaseResult) -> str:
    """The outcome in a word: a mutant is killed or survives."""
    if is_not_run(item):
        return NOT_RUN
    return _MUTANTS.get(item.outcome.name, item.outcome.name) if suite.has_mutants else item.outcome.name
