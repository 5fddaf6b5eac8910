"""The run as Markdown, for a comment or a job's summary: GITHUB_STEP_SUMMARY, a note of a GitLab merge request. Pure.

Text of a guest or a patch stands in code alone, where it is neither markup nor a mention: `@name` would send mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from orchestrator.evidence.cost.measured import words
from orchestrator.evidence.cost.told import screen, sentence
from orchestrator.judge.cause import cause
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Verdict
from orchestrator.model.report import CaseResult, RunReport, StageResult, SuiteReport
from orchestrator.reporters import decoded
from orchestrator.reporters.compared import compared
from orchestrator.reporters.elsewhere import address
from orchestrator.reporters.failures import failures, name_of
from orchestrator.reporters.pinpoint import Level, pinpoints
from orchestrator.reporters.summary import seconds
from orchestrator.reporters.text import harmless, one_line
from orchestrator.words import counted

MAX_BYTES = 60_000
"""The smallest limit of the known readers is GitHub's for a comment: 65,536 characters. A note of GitLab takes
1,000,000 characters, a job's summary 1 MiB."""

_SIGNS = {
    Verdict.CLEAN: "✅",
    Verdict.ALL_KILLED: "✅",
    Verdict.PATCH_AT_FAULT: "❌",
    Verdict.FAILED: "❌",
    Verdict.SURVIVED: "❌",
    Verdict.INTERRUPTED: "⏸️",
}
_UNKNOWN = "❔"


@dataclass(frozen=True)
class _Limits:
    """How many failures, kernel reports, lines and notes are told, and how many bytes of each report."""

    failures: int
    reports: int
    report_bytes: int
    lines: int
    chars: int


_LEVELS = (
    _Limits(50, 10, 12_000, 20, 300),
    _Limits(50, 5, 5_000, 20, 200),
    _Limits(30, 3, 1_500, 10, 150),
    _Limits(10, 0, 0, 5, 100),
)


def content(report: RunReport) -> bytes:
    """The whole text, of at most MAX_BYTES."""
    for limits in _LEVELS:
        text = "\n".join(_lines(report, limits)) + "\n"
        data = text.encode("utf-8", "backslashreplace")
        if len(data) <= MAX_BYTES:
            break
    return data


def code(text: str, limit: int = 300, *, in_table: bool = False) -> str:
    """Foreign text on one line as a code span."""
    line = one_line(harmless(text), limit)
    if not line:
        return ""
    if in_table:
        line = line.replace("|", "¦")  # a backslash before it is shown by some readers, and ends the cell in others
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def block(text: str) -> list[str]:
    """Foreign text as a fenced block."""
    clean = harmless(text)
    longest = max((len(run) for run in re.findall("`+", clean)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *clean.split("\n"), fence]


def _lines(report: RunReport, limits: _Limits) -> Iterator[str]:
    series = code(report.series or "base", 100)
    yield f"### {_SIGNS.get(report.verdict, _UNKNOWN)} {series}: {report.verdict.value}"
    yield ""
    yield code(report.reason, 10 * limits.chars)
    yield ""
    yield from _kernels(report)
    yield from _failures(report, limits)
    yield from _places(report, limits)
    yield from _costs(report, limits)
    yield from _reports(report, limits)
    for note in report.notes[: limits.lines]:
        yield f"- {code(note, limits.chars)}"
    if len(report.notes) > limits.lines:
        yield f"- and {counted(len(report.notes) - limits.lines, 'more note')}"
    yield from ("", f"<sub>{_about(report)}</sub>")


def _about(report: RunReport) -> str:
    made = f", orchestrate {code(report.version, 40)}" if report.version else ""
    place = address(report, "report.html") or PurePath(report.run_dir).name
    return f"{code(report.started, 20)} UTC, {seconds(report.time_s)}, report in {code(place, 300)}{made}"


def _kernels(report: RunReport) -> Iterator[str]:
    rows = [_kernel(suite) for suite in report.suites if suite.cases or suite.stages]
    if rows:
        yield from ("| kernel | passed | failed | others |", "| --- | ---: | ---: | --- |", *rows[:50])
        if len(rows) > 50:
            yield f"\nand {len(rows) - 50} more kernels"
        yield ""


def _kernel(suite: SuiteReport) -> str:
    ran = [case for case in suite.cases if not case.is_not_run]
    passed = sum(case.outcome.name == "PASS" for case in ran)
    failed = sum(case.outcome.is_bad for case in ran)
    kinds = {"SKIP": "skipped", "NOT_EXERCISED": "not exercised"}
    others = [f"{count} {word}" for kind, word in kinds.items()
              if (count := sum(case.outcome.name == kind for case in ran))]  # fmt: skip
    others += [f"{left} not run"] if (left := len(suite.cases) - len(ran)) else []
    compared_only = {one.case for one in suite.attempts} - {case.case for case in suite.cases}
    others += [f"{counted(len(compared_only), 'case')} run for comparison"] if compared_only else []
    others += [f"{code(stage.stage, 80, in_table=True)} failed" for stage in suite.stages if stage.is_end]
    return f"| {code(suite.name, 80, in_table=True)} | {passed} | {failed} | {', '.join(others)} |"


def _failures(report: RunReport, limits: _Limits) -> Iterator[str]:
    bad = failures(report)
    if not bad:
        return
    yield from ("| | what | kernel | why | the base |", "| --- | --- | --- | --- | --- |")
    for suite, item in bad[: limits.failures]:
        yield _failure(suite, item, limits)
    if (more := len(bad) - limits.failures) > 0:
        yield f"\nand {counted(more, 'more failure')}"
    yield ""


def _failure(suite: SuiteReport, item: StageResult | CaseResult, limits: _Limits) -> str:
    why = item.message if isinstance(item, StageResult) else cause(item)
    shown = [code(cell, limits.chars, in_table=True) for cell in (name_of(item), suite.name, why, compared(item))]
    return f"| {item.outcome.name} | {' | '.join(shown)} |"


def _places(report: RunReport, limits: _Limits) -> Iterator[str]:
    """The lines that the series is at fault for."""
    found = [one for one in pinpoints(report) if one.level is Level.ERROR]
    for one in found[: limits.lines]:
        text = f" {code(one.text, limits.chars)}" if one.text else ""
        yield f"- {code(f'{one.file}:{one.line}', 200)}{text}: {code(one.title, limits.chars)}"
    if found:
        yield ""


def _reports(report: RunReport, limits: _Limits) -> Iterator[str]:
    found: dict[str, KernelReport] = {}
    for suite in report.suites:
        for one in suite.kernel_reports:
            if one.outcome.is_bad and not one.known:
                found.setdefault(one.title, one)
    for title, one in list(found.items())[: limits.reports]:
        # summary is HTML, where Markdown in it is read only by some
        yield f"<details><summary>kernel report {_plain(title, 120)}</summary>"
        yield ""
        yield from block(_bounded(decoded.screen(one), limits.report_bytes))
        yield from ("", "</details>", "")
    if (more := len(found) - limits.reports) > 0:
        yield from (f"and {counted(more, 'more title')} of kernel reports", "")


def _costs(report: RunReport, limits: _Limits) -> Iterator[str]:
    """What differs between the builds with and without the series."""
    for suite in report.suites:
        yield from (f"- {code(f'{suite.name}: {words(one)}', 2 * limits.chars)}" for one in suite.performance)
    measured = [(suite.name, suite.cost) for suite in report.suites if suite.cost]
    for name, cost in measured:
        lines = list(screen(cost))
        if lines:
            yield f"<details><summary>cost on {_plain(name, 80)}: {_plain(sentence(cost), 200)}</summary>"
            yield ""
            yield from (f"- {code(line, 2 * limits.chars)}" for line in lines[: limits.lines])
            yield from ("", "</details>", "")


def _bounded(text: str, limit: int) -> str:
    """The beginning, which says most."""
    return text if len(text) <= limit else f"{text[:limit]}\n[...]"


def _plain(text: str, limit: int) -> str:
    """Foreign text in an HTML element: whatever could be markup or a mention is a character reference in code."""
    line = one_line(harmless(text), limit)
    return "<code>" + "".join(one if one.isalnum() or one in " ._" else f"&#{ord(one)};" for one in line) + "</code>"
