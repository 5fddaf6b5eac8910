"""The text of an answer to a series: the verdict first, then each finding with its trace, what was tested, and how to
see it again. Plain text of at most WIDTH columns, in which foreign text is indented: no reader of mail takes it for a
patch, a trailer or another mail. Pure."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable, Iterator

from orchestrator.evidence.coverage import told
from orchestrator.judge.verdict import is_excused
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import CaseResult, RunReport, StageResult, SuiteReport
from orchestrator.reporters import decoded
from orchestrator.reporters.compared import compared
from orchestrator.reporters.elsewhere import address, failing_items, is_regression, run_id, why
from orchestrator.reporters.failures import items_of, name_of
from orchestrator.reporters.junit_names import is_under_test, suite_name
from orchestrator.reporters.outside import discreet
from orchestrator.reporters.rerun import rerun_elsewhere
from orchestrator.reporters.text import harmless, printable
from orchestrator.words import counted

WIDTH = 78
FINDINGS, TRACES = 10, 3  # that are told, and those of them that have a trace
TRACE_LINES, DETAIL_LINES = 60, 20
_MOST = 2_000  # characters of a sentence


def body(report: RunReport, message_id: str) -> str:
    """The whole text. `message_id` is that of the mail by which others find the series."""
    parts = [_verdict(report), *_findings(report), _excused(report), _tested(report)]
    if is_regression(report):
        parts.append(_again(report, message_id))
    parts.append(_about(report))
    return "\n\n".join("\n".join(lines) for part in parts if (lines := list(part))) + "\n"


def _verdict(report: RunReport) -> Iterator[str]:
    yield from _wrapped(f"{report.verdict.value.capitalize()}: {report.reason}", "")


def _findings(report: RunReport) -> Iterator[Iterator[str]]:
    found = failing_items(report)
    known: set[str] = set()
    for suite, item in found[:FINDINGS]:
        yield _finding(report, suite, item, known)
    if (more := len(found) - FINDINGS) > 0:
        yield iter([f"And {counted(more, 'more failure')}."])


def _finding(report: RunReport, suite: SuiteReport, item: StageResult | CaseResult, known: set[str]) -> Iterator[str]:
    """`known` has the titles whose trace was shown."""
    reported = [one for one in item.kernel_reports if one.outcome.is_bad and not one.known]
    title = reported[0].title if reported else why(item)
    yield from _wrapped(f"* {title or item.outcome.name}", "  ", "")
    what = "stage" if isinstance(item, StageResult) else "case"
    yield from _wrapped(f"{what} {name_of(item)} on {suite_name(report, suite)}: {item.outcome.name}", "  ")
    yield from _wrapped(_newness(item), "  ")
    if reported and why(item) not in ("", title):
        yield from _wrapped(why(item), "  ")
    if len(reported) > 1:
        yield from _wrapped(f"then {counted(len(reported) - 1, 'more kernel report')}", "  ")
    if reported and title not in known and len(known) < TRACES:
        known.add(title)
        yield ""
        yield from _trace(reported[0])
    elif isinstance(item, StageResult) and item.detail:
        yield ""
        yield from _cut(harmless(item.detail).splitlines(), DETAIL_LINES)


def _newness(item: StageResult | CaseResult) -> str:
    """Whether it is the series' doing, and how sure that is."""
    if item.comparison:
        newness = f"{'new' if item.comparison.is_settled else 'perhaps new'} ({item.comparison.answer.value})"
        return f"{newness}: {item.comparison.words}"
    if isinstance(item, StageResult):
        return "new: the base has no such failure"
    return "whether it is new was not asked: the base was not tested"


def _trace(kernel_report: KernelReport) -> Iterator[str]:
    yield from _cut(harmless(decoded.narrow(kernel_report)).splitlines(), TRACE_LINES)


def _cut(lines: Iterable[str], most: int) -> Iterator[str]:
    """At most so many lines, indented and folded."""
    folded = [part for line in lines for part in _folded(line)]
    yield from folded[:most]
    if len(folded) > most:
        yield f"  [... {counted(len(folded) - most, 'more line')}]"


def _folded(line: str) -> list[str]:
    """A line of code or of a log with its own indentation, and what does not fit below it."""
    line = line.expandtabs(8).rstrip()
    inside = min(len(line) - len(line.lstrip()), WIDTH // 2)
    return textwrap.wrap(
        line.strip()[:_MOST],
        WIDTH,
        initial_indent=" " * (2 + inside),
        subsequent_indent=" " * (6 + inside),
        drop_whitespace=True,
        break_on_hyphens=False,
        tabsize=1,
        replace_whitespace=False,
    ) or [""]


def _excused(report: RunReport) -> Iterator[str]:
    """What fails without the series too: nobody should look for it in the series."""
    found = [
        (suite, item)
        for suite in report.suites
        if is_under_test(suite, report.suites)
        for item in items_of(suite)
        if item.outcome.is_bad and is_excused(item)
    ]
    if found:
        yield "Not new, the base fails as well:"
    for suite, item in found[:FINDINGS]:
        said = compared(item)
        yield from _wrapped(f"{name_of(item)} on {suite_name(report, suite)}: {why(item)}; {said}", "    ", "  ")
    if len(found) > FINDINGS:
        yield f"  and {len(found) - FINDINGS} more"


def _tested(report: RunReport) -> Iterator[str]:
    yield "What was tested:"
    suites = [suite for suite in report.suites if is_under_test(suite, report.suites)]
    for base in dict.fromkeys(suite.facts.base for suite in suites if suite.facts.base):
        yield from _wrapped(f"base: {discreet(report)(base)}", "    ", "  ")
    yield from _wrapped(f"series: {counted(len(report.subjects), 'patch')}", "    ", "  ")
    for suite in suites[:FINDINGS]:
        yield from _wrapped(f"{suite_name(report, suite)}: {_counts(suite)}", "    ", "  ")
        if suite.coverage and suite.coverage.cases:
            yield from _wrapped(told.sentence(suite.coverage), "    ", "    ")
            if ways := told.ways_sentence(suite.coverage):
                yield from _wrapped(ways, "    ", "    ")
    facts = next((suite.facts for suite in suites if suite.facts.machine), None)
    if facts:
        how = f"QEMU {facts.machine} ({facts.accelerator}), {counted(facts.cpus, 'CPU')}, {facts.memory_mib} MiB"
        yield from _wrapped(f"guests: {how}", "    ", "  ")


def _counts(suite: SuiteReport) -> str:
    ran = [case for case in suite.cases if not case.is_not_run]
    passed = sum(case.outcome is Outcome.PASS for case in ran)
    parts = [f"{counted(passed, 'case')} passed"]
    if failed := sum(case.outcome.is_bad for case in ran):
        parts.append(f"{failed} failed")
    if others := len(ran) - passed - failed:
        parts.append(f"{others} skipped or not exercised")
    if left := len(suite.cases) - len(ran):
        parts.append(f"{left} not run")
    parts += [f"{stage.stage} failed" for stage in suite.stages if stage.is_end]
    return ", ".join(parts)


def _again(report: RunReport, message_id: str) -> Iterator[str]:
    yield "How to see it again:"
    suite, item = failing_items(report)[0]
    for words in rerun_elsewhere(suite, item, message_id):
        line = "  "
        for word in map(shlex.quote, map(printable, words)):
            if len(line) + len(word) > WIDTH - 2 and line.strip():
                yield f"{line.rstrip()} \\"
                line = "      "
            line += f"{word} "
        yield line.rstrip()


def _about(report: RunReport) -> Iterator[str]:
    if url := address(report, "report.html"):
        yield "Logs and everything else:"
        yield f"  {url}"
        yield ""
    yield "-- "
    yield from _wrapped(f"orchestrate {report.version}, run {run_id(report)}. A program wrote this; who sent it reads "
                        "what you answer.", "")  # fmt: skip


def _wrapped(words: str, others: str, first: str | None = None) -> list[str]:
    """A paragraph."""
    lines = textwrap.wrap(
        printable(words[:_MOST]),
        WIDTH,
        initial_indent=others if first is None else first,
        subsequent_indent=others,
        break_on_hyphens=False,
    )
    return [f" {line}" if line.startswith("From ") else line for line in lines]
