"""The kill matrix for a person: one line for each mutant, then the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TextIO

from orchestrator.judge.mutants import Kill, Matrix, MutantRow, MutantStatus
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
    lines = [] if is_quiet else [*matrix_lines(matrix, width(stream)), *_places(matrix, width(stream))]
    tell("\n".join([*lines, *_end(matrix, report, resume), ""]), stream)


def matrix_lines(matrix: Matrix, width: int | None = None) -> list[str]:
    """Columns: status, mutant, guest seconds to the kill, kconfig, case, what noticed it, the evidence."""
    alike = Counter(row.reason for row in matrix.rows if row.status is MutantStatus.SKIPPED)
    shown = [row for row in matrix.rows if row.status is not MutantStatus.SKIPPED or alike[row.reason] < ALIKE]
    together = [
        (MutantStatus.SKIPPED.name, counted(count, "mutant"), "", "", "", "", printable(reason))
        for reason, count in alike.items()
        if count >= ALIKE
    ]
    return columns([*together, *((row.status.name, row.mutant, *_how(row)) for row in shown)], width)


def _places(matrix: Matrix, width: int | None) -> list[str]:
    """How many mutants of each changed function were killed, those with survivors first."""
    places = sorted(matrix.by_place.items(), key=lambda item: (item[1][0] == item[1][1], item[0]))
    rows = [(f"{killed} of {tested} killed", printable(place)) for place, (killed, tested) in places]
    return ["", *columns(rows, width)] if rows else []


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
    yield f"{printable(report.series)}: {report.verdict.value.upper()}  ({seconds(report.time_s)})"
    yield printable(report.reason)
    yield f"report: {printable(report.run_dir)}/{HTML}"
    yield from resume_lines(report, resume)
