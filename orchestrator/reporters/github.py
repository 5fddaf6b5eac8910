"""The kernel reports of log files as GitHub's workflow commands, which its pages show beside the file and its line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.model.kernel_report import KernelReport, LogReport
from orchestrator.reporters.logs import doubt, remarks
from orchestrator.reporters.text import harmless
from orchestrator.reporters.workflow_command import command
from orchestrator.words import counted

MOST_LINES = 40  # of a report's text
STDIN = "-"


def commands(logs: Sequence[LogReport]) -> Iterator[str]:
    """A line for each report, for each file that could not be read, and for each in which something may be left."""
    for log in logs:
        if log.error:
            yield _command("error", log, {}, f"cannot be read: {log.error}")
        for kernel_report in log.reports:
            yield _annotation(log, kernel_report)
        if said := doubt(log):
            yield _command("warning", log, {"line": str(log.cut_at or log.unread[0])}, said)


def _annotation(log: LogReport, kernel_report: KernelReport) -> str:
    level = "error" if kernel_report.outcome.is_bad else "notice"
    lines = harmless(kernel_report.text).split("\n")
    left = [f"... and {counted(len(lines) - MOST_LINES, 'line')} more"] if len(lines) > MOST_LINES else []
    text = "\n".join([", ".join(remarks(kernel_report)), *lines[:MOST_LINES], *left])
    place = {"line": str(kernel_report.line_start), "endLine": str(kernel_report.line_end)}
    return _command(level, log, {**place, "title": kernel_report.title}, text)


def _command(level: str, log: LogReport, properties: dict[str, str], message: str) -> str:
    named = {"file": log.file, **properties} if log.file != STDIN else properties
    return command(level, named, message)
