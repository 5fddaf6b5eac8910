"""The files of a run's reports. A new reporter is a module with a function report -> bytes and a line here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.report import RunReport
from orchestrator.reporters import (
    badge,
    change_annotations,
    cobertura,
    decoded,
    json_report,
    junit,
    lcov,
    markdown,
    reply,
    sarif,
    squad,
)
from orchestrator.reporters.html import page
from orchestrator.reporters.kcidb import document as kcidb
from orchestrator.reporters.outside import for_others
from orchestrator.storage.store import write_atomically


@dataclass(frozen=True)
class FileReporter:
    """`file` is its name in the run directory. `content` may read the run directory, and raises nothing; None: there is
    nothing to say, and no file. `goes_out`: it is for others, who have nothing of this machine's paths."""

    file: str
    content: Callable[[RunReport], bytes | None]
    goes_out: bool = False


REPORT, JUNIT, HTML = "report.json", "junit.xml", "report.html"
LCOV, COBERTURA = "coverage.info", "cobertura.xml"
MARKDOWN, ANNOTATIONS, SARIF, BADGE = "summary.md", "annotations.txt", "report.sarif", "badge.svg"
KCIDB, SQUAD, REPLY = "kcidb.json", "squad.json", "reply.mbox"  # for other systems: docs/outbound.md
REPORTERS = (
    FileReporter(REPORT, json_report.content),
    FileReporter(JUNIT, junit.content),
    FileReporter(HTML, page.content),
    FileReporter(MARKDOWN, markdown.content, goes_out=True),
    FileReporter(ANNOTATIONS, change_annotations.content, goes_out=True),
    FileReporter(SARIF, sarif.content, goes_out=True),
    FileReporter(BADGE, badge.content),
    FileReporter(LCOV, lcov.content),
    FileReporter(COBERTURA, cobertura.content),
    FileReporter(KCIDB, kcidb.content, goes_out=True),
    FileReporter(SQUAD, squad.content, goes_out=True),
    FileReporter(REPLY, reply.content, goes_out=True),
)


def write_files(report: RunReport, run_dir: Path, reporters: Sequence[FileReporter] = REPORTERS) -> None:
    """A file for each kernel report, then those of the reporters, each whole or not at all."""
    write_decoded((kernel_report for suite in report.suites for kernel_report in suite.kernel_reports), run_dir)
    outside = for_others(report)
    for reporter in reporters:
        content = reporter.content(outside if reporter.goes_out else report)
        if content is None:
            (run_dir / reporter.file).unlink(missing_ok=True)  # of an earlier judgement
        else:
            write_atomically(run_dir / reporter.file, content)


def write_decoded(kernel_reports: Iterable[KernelReport], run_dir: Path) -> None:
    """The files of the kernel reports that have one."""
    for kernel_report in kernel_reports:
        if kernel_report.file:
            write_atomically(
                run_dir / kernel_report.file, decoded.full(kernel_report).encode("utf-8", "backslashreplace")
            )
