"""The places of a run's failures as commands of GitHub Actions: a step that prints them annotates the change. Pure.

GitHub shows ten errors, ten warnings and ten notices of a step; so many are written, and then how many there are.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.model.report import RunReport
from orchestrator.reporters.pinpoint import Level, Pinpoint, pinpoints
from orchestrator.reporters.text import one_line
from orchestrator.reporters.workflow_command import command

MOST = 10
_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}
_TITLE_CHARS, _MESSAGE_CHARS = 200, 4000


def content(report: RunReport) -> bytes:
    """A line for each place; if the series is at fault and no place is known, one for the verdict."""
    return "".join(f"{line}\n" for line in _lines(report)).encode("utf-8", "backslashreplace")


def _lines(report: RunReport) -> Iterator[str]:
    found = pinpoints(report)
    if report.verdict.exit_status and not any(one.level is Level.ERROR for one in found):
        yield command("error", {"title": report.verdict.value}, report.reason[:_MESSAGE_CHARS])
    for level in Level:
        same = [one for one in found if one.level is level]
        shown = same if len(same) <= MOST else same[: MOST - 1]
        yield from map(_line, shown)
        if more := len(same) - len(shown):
            yield command(_COMMANDS[level], {"title": f"{more} more"}, "report.html has them all")


def _line(one: Pinpoint) -> str:
    place = {"file": one.file, "line": str(one.line), "title": one_line(one.title, _TITLE_CHARS)}
    return command(_COMMANDS[one.level], place, "\n".join([one.title, *one.details])[:_MESSAGE_CHARS])
