"""The kernel reports of log files, as JSON and for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator import codec
from orchestrator.model.kernel_report import KernelReport, LogReport
from orchestrator.model.outcome import Outcome
from orchestrator.reporters import decoded
from orchestrator.reporters.text import printable
from orchestrator.words import counted

SEVERITIES = {Outcome.CRASH: "crash", Outcome.FAIL: "fail", Outcome.PASS: "info"}


def dumps(logs: Sequence[LogReport]) -> str:
    """A JSON list with an object for each file; docs/kernel-reports.md describes it."""
    return codec.dumps([_log(log) for log in logs]) + "\n"


def log_lines(logs: Sequence[LogReport]) -> Iterator[str]:
    """A line for each file and one for each report, in the order of the log."""
    for log in logs:
        count = len(log.reports)
        found = log.error or f"{counted(count, 'kernel report') if count else 'no kernel report'} ({log.form})"
        yield f"{printable(log.file)}: {printable(found)}"
        for kernel_report in log.reports:
            lines = f"{kernel_report.line_start}-{kernel_report.line_end}"
            yield f"  {lines}  {printable(kernel_report.title)}  ({printable(', '.join(remarks(kernel_report)))})"
            yield from (f"      {printable(spot.line)}" for spot in decoded.spots(kernel_report))


def remarks(kernel_report: KernelReport) -> list[str]:
    """Its severity, and what else is to be said beside its title."""
    found = [
        SEVERITIES[kernel_report.outcome],
        *([f"corrupted: {kernel_report.damage}"] if kernel_report.corrupted else []),
    ]
    return [*found, f"known: {kernel_report.known}"] if kernel_report.known else found


def doubt(log: LogReport) -> str:
    """Why there may be reports that were not found; empty if there is no reason to think so."""
    if log.cut_at:
        return f"line {log.cut_at} ends a kernel report whose beginning is not in this log"
    if not log.unread:
        return ""
    lines = f"{counted(len(log.unread), 'line')} from line {log.unread[0]} on"
    why = (
        f"but do not begin as the kernel's lines do in this form ({log.form})"
        if log.is_marked
        else f"but no prefix tells that the kernel said them (form: {log.form})"
    )
    return f"{lines} look like a kernel report's, {why}"


def _log(log: LogReport) -> dict[str, codec.Json]:
    data: dict[str, codec.Json] = {"file": log.file, "format": log.form, "reports": [_report(s) for s in log.reports]}
    if log.cut_at:
        data["cut"] = {"line": log.cut_at}
    if log.unread:
        data["unread"] = {"lines": len(log.unread), "first_line": log.unread[0], "is_doubtful": log.is_doubtful}
    return {**data, "error": log.error} if log.error else data


def _report(kernel_report: KernelReport) -> dict[str, codec.Json]:
    data = codec.encode(kernel_report)
    assert isinstance(data, dict)
    del data["outcome"]
    first = {"kind": kernel_report.kind, "title": kernel_report.title, "severity": SEVERITIES[kernel_report.outcome]}
    return {**first, **data}
