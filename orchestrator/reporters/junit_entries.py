"""What the JUnit file will say, before it is XML: one entry for each stage, each case's run and each subtest. Pure.

`<failure>` is for what the kernel or the patch did, `<error>` for the host, a tool, the request, and for everything
that the base kernel gets wrong too. So a file has a failure when the patch is at fault, and else none; a base that is
tested alone is its own subject.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from pathlib import Path

from orchestrator.judge.cause import cause
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import CaseResult, Metric, RunReport, StageResult, Subtest, SuiteReport
from orchestrator.reporters import decoded, text

# Each attribute is escaped to at most six bytes for a character; these keep the smallest form of an entry below 6 KiB.
_NAME_CHARS = 200
_MESSAGE_CHARS = 500
_TYPES = {Outcome.NOT_EXERCISED: "did-not-exercise", Outcome.TIMEOUT: "Timeout", Outcome.CRASH: "Crash"}


class Kind(Enum):
    """The element that a test case holds; the values are JUnit's names."""

    PASSED = ""
    SKIPPED = "skipped"
    FAILURE = "failure"
    ERROR = "error"


@dataclass(frozen=True)
class Limits:
    """How much of each text goes in, in bytes of UTF-8, and how many entries and properties."""

    console: int
    detail: int
    stdout: int
    entries: int | None = None  # of all suites together
    properties: int = 100
    attachments: bool = True


@dataclass(frozen=True)
class Output:
    """The end of what a program printed, and how much it printed in all, in bytes."""

    tail: bytes
    size: int


@dataclass(frozen=True)
class Places:
    """Where the files of the run are, and how `[[ATTACHMENT|path]]` names them."""

    run_dir: str
    attachments_root: Path | None = None  # None: absolute paths (Jenkins); else relative to this directory (GitLab)

    def absolute(self, name: str) -> str:
        return str(Path(self.run_dir) / name) if name else ""

    def attachment(self, name: str) -> str:
        path = Path(self.run_dir) / name
        if self.attachments_root is None:
            return str(path)
        return str(_relative(path, self.attachments_root))


@dataclass(frozen=True)
class Entry:
    """One <testcase>. Texts are clean and cut; `message` is one line."""

    classname: str
    name: str
    time_s: float
    kind: Kind = Kind.PASSED
    type: str = ""
    message: str = ""
    body: str = ""
    out: str = field(default="", repr=False)
    err: str = field(default="", repr=False)

    @property
    def size(self) -> int:
        """About how many bytes of XML it takes, and rather too few than too many."""
        texts = (self.classname, self.name, self.type, self.message, self.body, self.out, self.err)
        return sum(len(part) + 4 * part.count("&") + 3 * part.count("<") for part in texts)


@dataclass(frozen=True)
class Item:
    """What an entry is to be made of. Making it costs time, and a huge report leaves most of them out."""

    is_bad: bool
    entry: Callable[[], Entry]


@dataclass(frozen=True)
class View:
    """What every entry of a suite needs to know beside its own result."""

    suite: str
    blame_base: bool  # a bad outcome in this suite says nothing about the patch
    places: Places
    outputs: Mapping[str, Output]
    limits: Limits


def suite_name(report: RunReport, suite: SuiteReport) -> str:
    name = f"{report.series}.{suite.name}" if report.series else suite.name
    return text.one_line(name, _NAME_CHARS) or "unnamed"


def suite_items(
    report: RunReport, suite: SuiteReport, name: str, places: Places, outputs: Mapping[str, Output], limits: Limits
) -> list[Item]:
    """What a suite has entries for, in the order in which things happened."""
    has_patched = any(other.role is Role.PATCHED for other in report.suites)
    blame_base = suite.role is Role.BASELINE and has_patched
    view = View(name, blame_base, places, outputs, limits)
    items: list[Item] = []
    for stage in suite.stages:
        items.append(Item(stage.outcome.is_bad, partial(_stage, stage, view)))
        items.extend(Item(sub.outcome.is_bad, partial(_stage_subtest, sub, stage, view)) for sub in stage.subtests)
    for case in suite.cases:
        items.append(Item(case.run_outcome.is_bad, partial(_run, case, view)))
        items.extend(Item(sub.outcome.is_bad, partial(_subtest, sub, case, view)) for sub in case.subtests)
    if (
        report.verdict is not Verdict.CLEAN
        and suite.outcome is Outcome.ERROR
        and not any(item.is_bad for item in items)
    ):
        items.append(Item(True, partial(_nothing_ran, report, name)))
    return items


def keep(items: list[Item], limit: int) -> list[Item]:
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


def _nothing_ran(report: RunReport, name: str) -> Entry:
    """A suite that ended before any case ran, or skipped them all, must not look green: readers just count."""
    message = text.one_line(report.reason, _MESSAGE_CHARS) or "no test case ran"
    classname = text.one_line(f"{name}.stages", _NAME_CHARS)
    return Entry(classname, "ran", 0.0, Kind.ERROR, "NothingRan", message, message)


def _stage(stage: StageResult, view: View) -> Entry:
    # A stage is a program of ours or of the host until its situation says that the patch made it fail.
    blame_host = stage.also_on_base or view.blame_base or not stage.is_patch_fault
    kind = _kind(stage.outcome, blame_host=blame_host)
    hint = f"hint: {stage.hint}" if stage.hint else ""
    log = view.places.absolute(stage.log)
    return Entry(
        classname=text.one_line(f"{view.suite}.stages", _NAME_CHARS),
        name=_name(stage.stage),
        time_s=stage.time_s,
        kind=kind,
        type="BadRequest"
        if kind is Kind.ERROR and stage.is_request_fault
        else _type(kind, stage.outcome, stage.kernel_reports, f"Stage.{stage.stage}", is_base=_is_base(stage, view)),
        message=_message(stage.message, stage.outcome, stage.kernel_reports, kind),
        body=_body(
            (hint, *_kernel_report_texts(stage.kernel_reports, log), stage.detail),
            kind,
            view,
            _whole(stage.kernel_reports, log, view),
        ),
        out=_joined(
            "product came from the store" if stage.cached else "",
            *_attachments((stage.log, *_files(stage.kernel_reports)), view),
        ),
        err=text.tail(stage.console, view.limits.console, log),
    )


def _run(case: CaseResult, view: View) -> Entry:
    kind = _kind(case.run_outcome, blame_host=_blames_host(case, case.run_outcome, view))
    log = view.places.absolute(case.console_log)
    shown = (
        _kernel_report_texts(case.kernel_reports, log) if kind is Kind.PASSED else ()
    )  # an OOM kill is worth showing, no failure
    return Entry(
        classname=_classname(case, view),
        name="run",
        time_s=case.time_s,
        kind=kind,
        type=_type(kind, case.run_outcome, case.kernel_reports, "ExitStatus", is_base=_is_base(case, view)),
        message=_message(cause(case), case.run_outcome, case.kernel_reports, kind),
        body=_body(
            (case.message, case.diagnosis, *_kernel_report_texts(case.kernel_reports, log)),
            kind,
            view,
            _whole(case.kernel_reports, log, view),
        ),
        out=_joined(
            text.middle(_joined(*_metrics(case.metrics), *shown), view.limits.detail, log),
            _program_output(case.stdout, view),
            *_attachments(
                (case.stdout, case.stderr, case.console_log, *_files(case.kernel_reports), *case.evidence), view
            ),
        ),
        err=text.tail(case.console, view.limits.console, log),
    )


def _subtest(subtest: Subtest, case: CaseResult, view: View) -> Entry:
    kind = _kind(subtest.outcome, blame_host=_blames_host(case, subtest.outcome, view))
    diagnostics = "\n".join(subtest.diagnostics)
    stdout = view.places.absolute(case.stdout)
    is_bad = kind in (Kind.FAILURE, Kind.ERROR)
    return Entry(
        classname=_classname(case, view),
        name=_name(subtest.name),
        time_s=subtest.time_s,
        kind=kind,
        type=_type(kind, subtest.outcome, (), "Subtest", is_base=_is_base(case, view)),
        message=_message(subtest.message, subtest.outcome, (), kind),
        body=_body((subtest.message, diagnostics), kind, view, stdout),
        out=text.middle(_joined(*_metrics(subtest.metrics), "" if is_bad else diagnostics), view.limits.stdout, stdout),
    )


def _stage_subtest(subtest: Subtest, stage: StageResult, view: View) -> Entry:
    kind = _kind(subtest.outcome, blame_host=_is_base(stage, view))
    return Entry(
        classname=text.one_line(f"{view.suite}.stages.{stage.stage}", _NAME_CHARS),
        name=_name(subtest.name),
        time_s=subtest.time_s,
        kind=kind,
        type=_type(kind, subtest.outcome, (), "Subtest", is_base=_is_base(stage, view)),
        message=_message(subtest.message, subtest.outcome, (), kind),
        body=_body((subtest.message, *subtest.diagnostics), kind, view, view.places.absolute(stage.log)),
    )


# --- parts of an entry


def _kind(outcome: Outcome, *, blame_host: bool) -> Kind:
    if outcome is Outcome.PASS:
        return Kind.PASSED
    if outcome is Outcome.SKIP:
        return Kind.SKIPPED
    return Kind.ERROR if blame_host else Kind.FAILURE


def _blames_host(case: CaseResult, outcome: Outcome, view: View) -> bool:
    """Results that never came because QEMU was lost are no more the patch's doing than the loss itself."""
    return _is_base(case, view) or case.is_host_fault or outcome is Outcome.ERROR


def _is_base(result: CaseResult | StageResult, view: View) -> bool:
    return result.also_on_base or view.blame_base


def _type(
    kind: Kind, outcome: Outcome, kernel_reports: tuple[KernelReport, ...], otherwise: str, *, is_base: bool
) -> str:
    """What CI servers group by. The kernel's own report names the cause better than how the case ended."""
    if kind in (Kind.PASSED, Kind.SKIPPED):
        return ""
    if is_base:
        return "FailsOnBase"
    if kind is Kind.ERROR:
        return "Infrastructure"
    culprit = _culprit(kernel_reports)
    if culprit:
        return text.one_line(f"KernelReport.{culprit.kind}", _NAME_CHARS)
    name = _TYPES.get(outcome, otherwise)
    return text.one_line(name, _NAME_CHARS)


def _message(message: str, outcome: Outcome, kernel_reports: tuple[KernelReport, ...], kind: Kind) -> str:
    """One line, never empty where something is to be said: junit-xml leaves a failure without text out."""
    if kind is Kind.PASSED:
        return ""
    culprit = _culprit(kernel_reports)
    said = text.one_line(message, _MESSAGE_CHARS) or text.one_line(culprit.title if culprit else "", _MESSAGE_CHARS)
    return said or f"{outcome.name.lower()}, no reason was given"


def _culprit(kernel_reports: tuple[KernelReport, ...]) -> KernelReport | None:
    """The first report that is a failure: the later ones are often its consequence."""
    return next((kernel_report for kernel_report in kernel_reports if kernel_report.outcome.is_bad), None)


def _kernel_report_texts(kernel_reports: tuple[KernelReport, ...], log: str) -> Iterator[str]:
    for kernel_report in kernel_reports:
        where = f"{log or 'console'}:{kernel_report.line_start}"
        yield f"--- {kernel_report.kind}: {kernel_report.label} ({where})\n{decoded.screen(kernel_report)}"


def _files(kernel_reports: tuple[KernelReport, ...]) -> Iterator[str]:
    return (kernel_report.file for kernel_report in kernel_reports if kernel_report.file)


def _whole(kernel_reports: tuple[KernelReport, ...], log: str, view: View) -> str:
    """Where a body that was cut can be read: the first failing report's own file, or the log."""
    culprit = _culprit(kernel_reports)
    return view.places.absolute(culprit.file) if culprit and culprit.file else log


def _body(parts: Iterable[str], kind: Kind, view: View, where: str) -> str:
    if kind in (Kind.PASSED, Kind.SKIPPED):
        return ""
    return text.middle("\n\n".join(part for part in parts if part), view.limits.detail, where)


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


def _attachments(names: Iterable[str], view: View) -> tuple[str, ...]:
    """One line for each file. A name with a line break would forge a second line: it is left out."""
    paths = [view.places.attachment(name) for name in names if name and view.limits.attachments]
    return tuple(f"[[ATTACHMENT|{path}]]" for path in paths if path == text.one_line(path, 4096))


def _joined(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def _classname(case: CaseResult, view: View) -> str:
    return text.one_line(f"{view.suite}.{case.case}", _NAME_CHARS) or "unnamed"


def _name(name: str) -> str:
    return text.one_line(name, _NAME_CHARS) or "unnamed"


def _relative(path: Path, root: Path) -> Path:
    """`path` from `root`, with `..` where it is not below it. Pure: no link is followed."""
    for steps, ancestor in enumerate((root, *root.parents)):
        if path.is_relative_to(ancestor):
            return Path(*[".."] * steps, path.relative_to(ancestor))
    return path
