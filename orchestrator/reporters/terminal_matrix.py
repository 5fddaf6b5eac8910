"""The kill matrix for a person: one line for each mutant, then the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TextIO

from orchestrator.judge.mutants import NOT_RUN, Detector, Kill, Matrix, MutantRow, MutantStatus
from orchestrator.model.report import RunReport
from orchestrator.reporters import decoded
from orchestrator.reporters.columns import columns
from orchestrator.reporters.stream import tell, width
from orchestrator.reporters.summary import seconds
from orchestrator.reporters.table import HTML
from orchestrator.reporters.terminal import resume_lines
from orchestrator.reporters.text import printable
from orchestrator.words import counted

_EVIDENCE_CHARS = 110
ALIKE = 4  # skipped mutants with the same reason that share a line


def show_matrix(matrix: Matrix, report: RunReport, stream: TextIO, *, is_quiet: bool = False, resume: str = "") -> None:
    """Write it, or only what came of the run. `resume` is the command that continues it."""
    lines = (
        [] if is_quiet else [*matrix_lines(matrix, width(stream)), *_hunks(matrix, width(stream)), *_survivors(matrix)]
    )
    tell("\n".join([*lines, *_end(matrix, report, resume), ""]), stream)


def matrix_lines(matrix: Matrix, width: int | None = None) -> list[str]:
    """Columns: status, mutant, guest seconds to the kill, kconfig, case, what noticed it, the evidence."""
    alike = Counter(_why_skipped(row) for row in matrix.rows if row.status is MutantStatus.SKIPPED)
    shown = [row for row in matrix.rows if row.status is not MutantStatus.SKIPPED or alike[_why_skipped(row)] < ALIKE]
    together = [
        (MutantStatus.SKIPPED.name, counted(count, "mutant"), "", "", "", "", printable(reason))
        for reason, count in alike.items()
        if count >= ALIKE
    ]
    return columns([*together, *((row.status.name, row.mutant, *_how(row)) for row in shown)], width)


def _why_skipped(row: MutantRow) -> str:
    """The reason, without the line that no case executes: the table of hunks says where."""
    return f"{NOT_RUN}no case executes their lines" if row.reason.startswith(NOT_RUN) else row.reason


def _hunks(matrix: Matrix, width: int | None) -> list[str]:
    """What came of each hunk's mutants, those with survivors first: how many were killed, by what after how long."""
    found = sorted(matrix.by_hunk, key=lambda one: (not one.survivors, not one.not_run))
    rows = [
        (
            f"{len(one.kills)} of {one.tested} killed",
            f"{one.not_run} not run" if one.not_run else "",
            printable(f"{one.hunk} {one.place.rpartition(': ')[2]}"),
            ", ".join(f"{kill.detector.value} {kill.guest_s:.1f} s" for kill in one.kills),
        )
        for one in found
    ]
    return ["", *columns(rows, width)] if rows else []


def _survivors(matrix: Matrix) -> Iterator[str]:
    """The generated ones, as diffs: what nothing noticed."""
    for row in matrix.rows:
        if row.diff and row.place:
            yield ""
            yield f"{row.mutant} survived: {printable(row.breaks)}"
            yield from (
                f"  {printable(line)}" for line in row.diff.splitlines() if line[:3] not in ("dif", "---", "+++")
            )


def _how(row: MutantRow) -> tuple[str, ...]:
    kill = row.kill
    if kill is None:
        tried = (
            ", ".join(f"{cell.kconfig} {cell.case}" for cell in row.cells) if row.status is MutantStatus.ERROR else ""
        )
        what = f": {row.breaks}" if row.status is MutantStatus.SURVIVED and row.breaks else ""
        return ("", "", "", "", printable(f"{row.reason}{what} {f'({tried})' if tried else ''}"))
    place = _place(kill)
    evidence = printable(kill.evidence)[: _EVIDENCE_CHARS - len(place)]
    return (f"{kill.guest_s:5.1f} s", kill.kconfig, kill.case, kill.detector.value, f"{evidence}{place}")


def _place(kill: Kill) -> str:
    """The line of code that the kernel's first report is about; empty where that is not known."""
    first = next((kernel_report for kernel_report in kill.kernel_reports if kernel_report.outcome.is_bad), None)
    spot = next(iter(decoded.spots(first)), None) if first else None
    return f" ({printable(spot.place.file)}:{spot.place.line})" if spot else ""


def _end(matrix: Matrix, report: RunReport, resume: str) -> Iterator[str]:
    median_s = matrix.median_kill_s
    yield ""
    if median_s is not None:
        weapons = [row.kill.detector for row in matrix.rows if row.kill]
        counts = ", ".join(f"{weapons.count(detector)} by {detector.value}" for detector in dict.fromkeys(weapons))
        yield f"median time to kill: {median_s:.1f} s; {counts}"
        yield f"with one attempt of each case: {_share(matrix.at_first_try, matrix)}"
        alone = _share(matrix.noticed_by(Detector.DATA), matrix)
        yield f"if kernel reports and hangs were ignored: at least {alone} by {Detector.DATA.value}"
        if Detector.VMA_WRITES in weapons:
            others = sum(row.kill.detectors != (Detector.VMA_WRITES,) for row in matrix.rows if row.kill)
            yield f"without the {Detector.VMA_WRITES.value}: at least {_share(others, matrix)}"
    yield f"{printable(report.series)}: {report.verdict.value.upper()}  ({seconds(report.time_s)})"
    yield printable(report.reason)
    yield f"report: {printable(report.run_dir)}/{HTML}"
    yield from resume_lines(report, resume)


def _share(killed: int, matrix: Matrix) -> str:
    return f"{killed} of {matrix.tested} mutants killed ({killed / matrix.tested:.0%})"
