"""The summary at the end of a run: plain text, with colours where a person looks at a terminal.

rich is imported only for the latter: it takes longer to load than most commands run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TextIO

from orchestrator.model.outcome import Verdict
from orchestrator.model.report import RunReport
from orchestrator.model.series import Place
from orchestrator.reporters.columns import row_lines, wrapped
from orchestrator.reporters.origin import origin_words
from orchestrator.reporters.stream import attempt, encodable, tell, width
from orchestrator.reporters.summary import Row, Table, Tone, seconds, tables
from orchestrator.reporters.table import HTML
from orchestrator.reporters.text import harmless, printable

_STYLES = {Tone.GOOD: "green", Tone.OPEN: "yellow", Tone.BAD: "red", Tone.DEAD: "bold red", Tone.UNKNOWN: "magenta"}
_VERDICT_STYLES = {
    Verdict.CLEAN: "bold green",
    Verdict.PATCH_AT_FAULT: "bold red",
    Verdict.NO_VERDICT: "bold magenta",
    Verdict.BAD_REQUEST: "bold magenta",
    Verdict.FAILED: "bold red",
    Verdict.INTERRUPTED: "bold yellow",
    Verdict.ALL_KILLED: "bold green",
    Verdict.SURVIVED: "bold red",
}
_MARGIN = "  "


@dataclass(frozen=True)
class Line:
    """A line of the summary. `style` is of its characters from `start` on, `length` of them or (None) all."""

    text: str
    style: str = ""
    start: int = 0
    length: int | None = None


def show(
    report: RunReport,
    stream: TextIO,
    environment: Mapping[str, str] | None = None,
    *,
    color: str | None = None,
    is_quiet: bool = False,
    resume: str = "",
) -> None:
    """Write the summary, or only what came of the run; of an interrupted one also `resume`, the command that continues
    it. Never raises for a stream that cannot be written to."""
    lines = [*(_end(report, width(stream)) if is_quiet else summary_lines(report, width(stream)))]
    lines += map(Line, resume_lines(report, resume))
    if wants_colour(stream, os.environ if environment is None else environment, color):
        attempt(lambda: _show_rich(lines, stream), stream)
    else:
        tell("".join(f"{line.text}\n" for line in lines), stream)


def wants_colour(stream: TextIO, environment: Mapping[str, str], color: str | None = None) -> bool:
    """Whether to use colour. `color` (always, never) is the user's word on it; else NO_COLOR and FORCE_COLOR count, of
    which an empty one is not set, as their conventions say; else whether it is a terminal that has colours."""
    if color in ("always", "never"):
        return color == "always"
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return environment["FORCE_COLOR"] not in ("0", "false")
    return stream.isatty() and environment.get("TERM") != "dumb"


def plain(report: RunReport) -> str:
    """The summary without any control character but line feeds, a line for each thing."""
    return "".join(f"{line.text}\n" for line in summary_lines(report, None))


def summary_lines(report: RunReport, columns: int | None) -> Iterator[Line]:
    """The summary for a terminal of that many columns; None: no terminal, lines may be of any length."""
    for number, table in enumerate(tables(report)):
        if number:
            yield Line("")
        yield Line(table.title, "bold")
        yield from _rows(table, columns)
        for kernel_report in table.kernel_reports:
            yield Line(f"{_MARGIN}! {kernel_report.title}", _STYLES[kernel_report.tone], len(_MARGIN))
            yield from (Line(f"{_MARGIN}    {line}") for line in kernel_report.code)
            yield Line(f"{_MARGIN}    {kernel_report.place}", "dim")  # whole: it is to be clicked or copied
        for said in table.performance:
            yield from map(Line, wrapped(f"perf: {said}", columns, _MARGIN, "      "))
        for changed in table.cost:
            yield from map(Line, wrapped(f"cost: {changed}", columns, _MARGIN, "      "))
        for missed in table.never_hit:
            yield from (Line(line, "yellow") for line in wrapped(f"never hit: {missed}", columns, _MARGIN, "      "))
        if table.ways:
            yield from (Line(line) for line in wrapped(f"conditions: {table.ways}", columns, _MARGIN, "      "))
        for partly in table.one_way:
            yield from (
                Line(line, "yellow") for line in wrapped(f"some ways only: {partly}", columns, _MARGIN, "      ")
            )
    for note in report.notes:
        yield from (Line(line, "yellow") for line in wrapped(f"note: {printable(note)}", columns, "", "      "))
    if report.suites or report.notes:
        yield Line("")
    yield from _end(report, columns)


def _rows(table: Table, columns: int | None) -> Iterator[Line]:
    times = max((len(row.time) for row in table.rows), default=0)
    ops = max((len(_ops(row)) for row in table.rows), default=0)
    cells = [
        (row.label, "  " * row.depth + row.name, f"{row.time:>{times}}", f"{_ops(row):>{ops}}", row.message)
        for row in table.rows
    ]
    for row, lines in zip(table.rows, row_lines(cells, columns, _MARGIN), strict=True):
        for at, line in enumerate(lines):
            yield Line(line, "" if at else _STYLES[row.tone], len(_MARGIN), len(row.label))


def _ops(row: Row) -> str:
    return f"{row.ops} ops/s" if row.ops else ""


def _end(report: RunReport, columns: int | None) -> Iterator[Line]:
    """What came of the run, why, and where to read on."""
    subject = f"{printable(report.series)}: " if report.series else ""
    verdict = f"{subject}{report.verdict.value.upper()}  ({seconds(report.time_s)})"
    yield from (Line(line, _VERDICT_STYLES[report.verdict]) for line in wrapped(verdict, columns))
    yield from map(Line, wrapped(printable(report.reason), columns))
    if report.origin and report.origin.place is not Place.FILE:  # a file that the user named goes without saying
        yield Line(f"patch: {printable(origin_words(report.origin))}")  # whole, as the next: to be copied
    yield Line(f"report: {printable(report.run_dir)}/{HTML}")


def resume_lines(report: RunReport, resume: str) -> list[str]:
    """What to do about an interrupted run."""
    is_open = report.verdict is Verdict.INTERRUPTED and resume
    return ["to continue where it stopped:", f"  {printable(resume)}"] if is_open else []


def _show_rich(lines: list[Line], stream: TextIO) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(
        file=stream, force_terminal=True, no_color=False, color_system="standard", highlight=False, emoji=False
    )
    for line in lines:
        text = Text(encodable(harmless(line.text), stream))  # Text, never str: a message with [brackets] is no markup
        if line.style:
            text.stylize(line.style, line.start, None if line.length is None else line.start + line.length)
        console.print(text, soft_wrap=True)
