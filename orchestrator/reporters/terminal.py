"""The summary at the end of a run: plain text, or with colours and boxes where a person looks at a terminal.

rich is imported only for the latter: it takes longer to load than most commands run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TextIO

from orchestrator.model.outcome import Verdict
from orchestrator.model.report import RunReport
from orchestrator.reporters.stream import attempt, tell
from orchestrator.reporters.summary import Row, Table, Tone, seconds, tables
from orchestrator.reporters.text import printable

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
_NAME_CHARS = 60


def show(report: RunReport, stream: TextIO, environment: Mapping[str, str] | None = None) -> None:
    """Write the summary: in colour when `stream` is a terminal and neither NO_COLOR nor TERM=dumb objects. Never
    raises for a stream that cannot be written to."""
    if wants_colour(stream, os.environ if environment is None else environment):
        attempt(lambda: _show_rich(report, stream), stream)
    else:
        tell(plain(report), stream)


def wants_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether to use colour. As its convention says, an empty NO_COLOR counts as not set."""
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def plain(report: RunReport) -> str:
    """The summary without any control character but line feeds."""
    lines = []
    for table in tables(report):
        lines += ["", table.title, *_plain_rows(table)]
        for kernel_report in table.kernel_reports:
            lines += [
                f"  ! {kernel_report.title}",
                *(f"      {line}" for line in kernel_report.code),
                f"      {kernel_report.place}",
            ]
    lines += [f"note: {printable(note)}" for note in report.notes]
    lines += ["", _verdict(report), *_reason(report), _where(report), ""]
    return "\n".join(lines).lstrip("\n")


def _plain_rows(table: Table) -> Iterator[str]:
    width = min(_NAME_CHARS, max((len(_name(row)) for row in table.rows), default=0))
    labels = max((len(row.label) for row in table.rows), default=0)
    for row in table.rows:
        ops = f"{row.ops} ops/s" if row.ops else ""
        yield f"  {row.label:<{labels}}  {_name(row):<{width}}  {row.time:>11}  {ops:>16}  {row.message}".rstrip()


def _name(row: Row) -> str:
    return "  " * row.depth + row.name


def _verdict(report: RunReport) -> str:
    subject = f"{printable(report.series)}: " if report.series else ""
    return f"{subject}{report.verdict.value.upper()}  ({seconds(report.time_s)})"


def _reason(report: RunReport) -> list[str]:
    return [printable(report.reason)] if report.reason else []


def _where(report: RunReport) -> str:
    return f"report: {printable(report.run_dir)}"


def _show_rich(report: RunReport, stream: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table as Grid
    from rich.text import Text

    console = Console(file=stream, highlight=False, emoji=False, markup=False)
    for table in tables(report):
        grid = Grid(title=Text(table.title, "bold"), title_justify="left")
        for heading, justify in (
            ("", "left"),
            ("stage / case", "left"),
            ("time", "right"),
            ("ops/s", "right"),
            ("", "left"),
        ):
            grid.add_column(heading, justify="right" if justify == "right" else "left", overflow="fold")
        for row in table.rows:
            # Text, never str: a message with [brackets] is no markup.
            grid.add_row(
                Text(row.label, _STYLES[row.tone]), Text(_name(row)), Text(row.time), Text(row.ops), Text(row.message)
            )
        console.print(grid)
        for kernel_report in table.kernel_reports:
            console.print(Text(f"! {kernel_report.title}", _STYLES[kernel_report.tone]))
            for line in kernel_report.code:
                console.print(Text(f"    {line}"), soft_wrap=True)
            console.print(
                Text(f"    {kernel_report.place}", "dim"), soft_wrap=True
            )  # one line: it is to be clicked or copied
    for note in report.notes:
        console.print(Text(f"note: {printable(note)}", "yellow"))
    console.print()
    console.print(Text(_verdict(report), _VERDICT_STYLES[report.verdict]))
    for line in _reason(report):
        console.print(Text(line))
    console.print(Text(_where(report)), soft_wrap=True)
