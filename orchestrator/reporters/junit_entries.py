"""What the JUnit file will say, before it is XML: one entry for each stage, each case's run and each subtest. Pure.

Readers differ in what they show: some the message, some nothing but the body, some only what a failure holds. So each
says by itself why it is there: message, body and the text of `<skipped>` all begin with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from orchestrator.judge.cause import cause
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import (
    BOOT,
    CaseResult,
    Finding,
    Metric,
    RunReport,
    StageResult,
    Subtest,
    SuiteReport,
)
from orchestrator.reporters import decoded, junit_names, junit_results, text
from orchestrator.reporters.compared import compared
from orchestrator.reporters.junit_files import RunFiles, files_of_case, files_of_stage
from orchestrator.reporters.junit_reruns import Rerun, history, reruns_of_run, reruns_of_subtest
from orchestrator.reporters.junit_results import Element, JUnitResult, Standing, culprit

_MOST_S = 1e9
# Each attribute is escaped to at most six bytes for a character; this keeps the smallest form of an entry below 10 KiB
_MESSAGE_CHARS = 500
_CAUSE_CHARS = 300  # of the message, where something follows


@dataclass(frozen=True)
class Limits:
    """How much of each text goes in, in bytes of UTF-8, and how many entries, properties and failed reruns of each."""

    console: int
    detail: int
    stdout: int
    rerun: int
    entries: int | None = None  # of all suites together
    properties: int = 100
    reruns: int = 20
    attachments: bool = True


@dataclass(frozen=True)
class Output:
    """The end of what a program printed, and how much it printed in all, in bytes."""

    tail: bytes
    size: int


@dataclass(frozen=True)
class Entry:
    """One <testcase>. Texts are clean and cut; `message` is one line. The time is finite and not negative."""

    classname: str
    name: str
    time_s: float
    result: JUnitResult = field(default_factory=lambda: JUnitResult(Element.PASSED))
    message: str = ""
    body: str = ""
    out: str = field(default="", repr=False)
    err: str = field(default="", repr=False)
    reruns: tuple[Rerun, ...] = ()

    @property
    def size(self) -> int:
        """About how many bytes of XML it takes, and rather too few than too many."""
        texts = [self.classname, self.name, self.result.type, self.message, self.body, self.out, self.err]
        texts += [part for rerun in self.reruns for part in (rerun.message, rerun.trace, rerun.out)]
        return sum(len(part) + 4 * part.count("&") + 3 * part.count("<") for part in texts)


@dataclass(frozen=True)
class LazyEntry:
    """How to make an entry. Making it takes time, and a huge report leaves most entries out."""

    is_bad: bool
    entry: Callable[[], Entry]


@dataclass(frozen=True)
class View:
    """What every entry of a suite needs besides its own result."""

    suite: str
    standing: Standing
    attempts: Mapping[str, Sequence[Finding]]  # by case
    places: RunFiles
    outputs: Mapping[str, Output]
    limits: Limits


def suite_items(
    report: RunReport,
    suite: SuiteReport,
    name: str,
    places: RunFiles,
    outputs: Mapping[str, Output],
    limits: Limits,
) -> list[LazyEntry]:
    """The entries of a suite, in the order in which things happened."""
    by_case: dict[str, list[Finding]] = {}
    for finding in suite.attempts:
        by_case.setdefault(finding.case, []).append(finding)
    view = View(name, junit_results.standing(report, suite), by_case, places, outputs, limits)
    items: list[LazyEntry] = []
    for stage in suite.stages:
        items.append(_item(junit_results.result_of_stage(stage, view.standing), _stage, stage, view))
        items += [_item(_of_subtest(sub, stage, view), _stage_subtest, sub, stage, view) for sub in stage.subtests]
    for case in suite.cases:
        items.append(_item(junit_results.result_of_case(case, view.standing), _run, case, view))
        items += [_item(_of_subtest(sub, case, view), _subtest, sub, case, view) for sub in case.subtests]
    return items


def verdict_item(report: RunReport, name: str) -> LazyEntry:
    """The entry for a run that is not clean although no other entry says so: readers only count, so it must not
    look green."""
    message = text.one_line(report.reason, _MESSAGE_CHARS) or report.verdict.value
    kind = "".join(word.capitalize() for word in report.verdict.name.split("_"))
    entry = Entry(name, junit_names.VERDICT, 0.0, JUnitResult(Element.ERROR, kind), message, message)
    return LazyEntry(True, lambda: entry)


def keep(items: list[LazyEntry], limit: int) -> list[LazyEntry]:
    """At most `limit` items in their order: bad ones are kept first, then the others from the start."""
    if len(items) <= limit:
        return items
    ranked = sorted(range(len(items)), key=lambda at: not items[at].is_bad)
    chosen = set(ranked[:limit])
    return [item for at, item in enumerate(items) if at in chosen]


def unique(entries: Iterable[Entry], taken: set[tuple[str, str]]) -> Iterator[Entry]:
    """The entries with " (2)", " (3)" ... added to names that were taken: readers drop or merge a second one."""
    latest: dict[tuple[str, str], int] = {}
    for entry in entries:
        name, key = entry.name, (entry.classname, entry.name)
        while (entry.classname, name) in taken:
            latest[key] = latest.get(key, 1) + 1
            name = f"{entry.name} ({latest[key]})"
        taken.add((entry.classname, name))
        yield entry if name == entry.name else replace(entry, name=name)


# --- one entry


def _item(result: JUnitResult, make: Callable[..., Entry], *of: object) -> LazyEntry:
    return LazyEntry(result.kind.is_bad, partial(make, result, *of))


def _stage(result: JUnitResult, stage: StageResult, view: View) -> Entry:
    log = view.places.absolute(stage.log)
    remark = _remark(stage, view)
    message = _message(stage.message, remark, stage.outcome, stage.kernel_reports)
    hint = f"hint: {stage.hint}" if stage.hint else ""
    reports = tuple(_kernel_report_texts(stage.kernel_reports, log))
    boots = view.attempts.get(BOOT, ()) if stage.stage == BOOT else ()
    is_passed = result.kind is Element.PASSED
    body = (stage.message or message, remark, hint, *reports, stage.detail)
    entry = Entry(
        classname=junit_names.name(view.suite, "stages"),
        name=junit_names.name(stage.stage),
        time_s=_own_time(stage.time_s, stage.subtests),
        out=_joined(
            text.middle(_joined(stage.message if is_passed else "", history(boots)), view.limits.stdout, log),
            "product came from the store" if stage.cached else "",
            *view.places.attachments(files_of_stage(stage), view.limits.attachments),
        ),
        err=text.tail(stage.console, view.limits.console, log),
        reruns=reruns_of_run(boots, result.kind, view.places, view.limits.reruns, view.limits.rerun),
    )
    return _told(entry, result, message, body, view, _whole(stage.kernel_reports, log, view))


def _run(result: JUnitResult, case: CaseResult, view: View) -> Entry:
    log = view.places.absolute(case.console_log)
    remark = _remark(case, view)
    message = _message(cause(case), remark, case.run_outcome, case.kernel_reports)
    reports = tuple(_kernel_report_texts(case.kernel_reports, log))
    others = _others(case, view)
    is_passed = result.kind is Element.PASSED
    said = (
        # of a mutant: what killed it; of a case that was compared: what came of it
        *((case.message, remark) if is_passed and case.outcome is Outcome.PASS else ()),
        f"took {_seconds(case.time_s):.3f} s with its subtests" if case.subtests else "",
        *_metrics(case.metrics),
        history(view.attempts[case.case]) if others else "",
        *(reports if is_passed else ()),  # an OOM kill is worth showing, no failure
    )
    body = (case.message or message, remark, case.diagnosis, *reports)
    entry = Entry(
        classname=view.suite if view.standing.has_mutants else junit_names.name(view.suite, "cases"),
        name=junit_names.name(case.case),
        time_s=_own_time(case.time_s, case.subtests),
        out=_joined(
            text.middle(_joined(*said), view.limits.detail, log),
            _program_output(case.stdout, view),
            *view.places.attachments(files_of_case(case), view.limits.attachments),
        ),
        err=text.tail(case.console, view.limits.console, log),
        reruns=reruns_of_run(others, result.kind, view.places, view.limits.reruns, view.limits.rerun),
    )
    return _told(entry, result, message, body, view, _whole(case.kernel_reports, log, view))


def _subtest(result: JUnitResult, subtest: Subtest, case: CaseResult, view: View) -> Entry:
    stdout, limits = view.places.absolute(case.stdout), view.limits
    shown = () if result.kind.is_bad else subtest.diagnostics
    entry = Entry(
        classname=junit_names.name(view.suite, "cases", case.case),
        name=junit_names.name(subtest.name),
        time_s=_seconds(subtest.time_s),
        out=text.middle(_joined(*_metrics(subtest.metrics), *shown), limits.stdout, stdout),
        reruns=reruns_of_subtest(
            subtest.name, _others(case, view), result.kind, view.places, limits.reruns, limits.rerun
        ),
    )
    return _told_of_subtest(entry, result, subtest, case, view, stdout)


def _stage_subtest(result: JUnitResult, subtest: Subtest, stage: StageResult, view: View) -> Entry:
    classname = junit_names.name(view.suite, "stages", stage.stage)
    entry = Entry(classname, junit_names.name(subtest.name), _seconds(subtest.time_s))
    return _told_of_subtest(entry, result, subtest, stage, view, view.places.absolute(stage.log))


# --- parts of an entry


def _of_subtest(subtest: Subtest, owner: StageResult | CaseResult, view: View) -> JUnitResult:
    return junit_results.of_subtest(subtest.outcome, owner, view.standing)


def _others(case: CaseResult, view: View) -> list[Finding]:
    """The attempts beside the one that is shown."""
    return [finding for finding in view.attempts.get(case.case, ()) if finding.number != case.number]


def _told_of_subtest(
    entry: Entry, result: JUnitResult, subtest: Subtest, owner: StageResult | CaseResult, view: View, where: str
) -> Entry:
    remark = _remark(owner, view) if subtest.outcome.is_bad else ""
    message = _message(subtest.message, remark, subtest.outcome, ())
    return _told(
        entry, result, message, (subtest.message or message, remark, "\n".join(subtest.diagnostics)), view, where
    )


def _told(entry: Entry, result: JUnitResult, message: str, body: Iterable[str], view: View, where: str) -> Entry:
    """The entry with its result and, unless it passed, the reason. Its body is never empty: some readers show
    nothing else."""
    if result.kind is Element.PASSED:
        return replace(entry, result=result)
    said = text.middle("\n\n".join(part for part in body if part), view.limits.detail, where)
    typed = replace(result, type=text.one_line(result.type, junit_names.NAME_CHARS))
    return replace(entry, result=typed, message=message, body=said or message)


def _remark(owner: StageResult | CaseResult, view: View) -> str:
    """What the comparison with the other kernel says."""
    is_of_base = view.standing.is_beside and owner.outcome.is_bad
    return compared(owner) or ("this is the base, without the series" if is_of_base else "")


def _message(message: str, remark: str, outcome: Outcome, kernel_reports: tuple[KernelReport, ...]) -> str:
    """One line, never empty: junit-xml leaves out a failure without text."""
    first = culprit(kernel_reports)
    limit = _CAUSE_CHARS if remark else _MESSAGE_CHARS
    said = text.one_line(message, limit) or text.one_line(first.title if first else "", limit)
    said = said or f"{outcome.name.lower()}, no reason was given"
    return text.one_line(f"{said} ({remark})", _MESSAGE_CHARS) if remark else said


def _kernel_report_texts(kernel_reports: tuple[KernelReport, ...], log: str) -> Iterator[str]:
    for kernel_report in kernel_reports:
        where = f"{log or 'console'}:{kernel_report.line_start}"
        yield f"--- {kernel_report.kind}: {kernel_report.label} ({where})\n{decoded.screen(kernel_report)}"


def _whole(kernel_reports: tuple[KernelReport, ...], log: str, view: View) -> str:
    """Where to read a shortened body: the file of the first report that is a failure, or the log."""
    first = culprit(kernel_reports)
    return view.places.absolute(first.file) if first and first.file else log


def _program_output(name: str, view: View) -> str:
    output = view.outputs.get(name)
    if output is None or not output.tail:
        return ""
    said = output.tail.decode("utf-8", "backslashreplace")
    cut = output.size - len(output.tail)
    note = f"[... {cut} of {output.size} bytes are only in {view.places.absolute(name)}]\n" if cut > 0 else ""
    return note + text.tail(said, view.limits.stdout, view.places.absolute(name))


def _metrics(metrics: tuple[Metric, ...]) -> tuple[str, ...]:
    return tuple(f"metric {metric.name} {metric.value:.10g} {metric.unit}".rstrip() for metric in metrics)


def _joined(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def _own_time(time_s: float, subtests: Iterable[Subtest]) -> float:
    """The time without that of the subtests, which have entries of their own: readers add up all of them."""
    return max(0.0, _seconds(time_s) - sum(_seconds(subtest.time_s) for subtest in subtests))


def _seconds(time_s: float) -> float:
    """A time that every reader takes: finite, not negative, below 32 years."""
    return min(max(time_s, 0.0), _MOST_S) if math.isfinite(time_s) else 0.0
