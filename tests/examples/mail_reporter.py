"""A reporter that is not in orchestrate: what a maintainer would write under a series. It takes this module and a line
in the table, `FileReporter("reply.txt", mail_reporter.content)`."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.model.report import RunReport, SuiteReport
from orchestrator.reporters.text import printable


def content(report: RunReport) -> bytes:
    """The verdict, then what went wrong on each kernel."""
    lines = [printable(f"{report.verdict.value}: {report.reason}"), ""]
    lines += [line for suite in report.suites for line in _lines(suite)]
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def _lines(suite: SuiteReport) -> Iterator[str]:
    found = [(stage.stage, stage) for stage in suite.stages if stage.outcome.is_bad]
    found += [(case.case, case) for case in suite.cases if case.outcome.is_bad]
    yield printable(suite.name)
    for name, result in found:
        yield f"  {printable(name)}: {result.outcome.name}: {printable(result.message)}"
