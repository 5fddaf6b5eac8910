"""What report.html shows, before it is HTML. Pure.

The page has limits, because a run may have 28,000 cases and a kernel that reports something in each: what did not pass
comes first and with its evidence, what passed takes a short row, and what is left out is counted; report.json has it.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from orchestrator.guest.dump import NAME as DUMP
from orchestrator.judge.cause import cause
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import (
    CaseResult,
    Comparison,
    Finding,
    RunReport,
    StageResult,
    Subtest,
    SuiteReport,
)
from orchestrator.reporters import decoded
from orchestrator.reporters.compared import compared
from orchestrator.reporters.failures import failures, is_not_run, items_of, name_of
from orchestrator.reporters.html.costs import KernelCost, costs
from orchestrator.reporters.html.covered import covered
from orchestrator.reporters.html.diff import LineNote, PatchDiff, annotated, patch_diff
from orchestrator.reporters.origin import origin_words
from orchestrator.reporters.pinpoint import Pinpoint, pinpoints
from orchestrator.reporters.summary import NOT_RUN, VERDICT_TONES, Tone, seconds, throughput, tone
from orchestrator.reporters.text import middle, tail
from orchestrator.words import counted

MOST_FAILURES = 200
MOST_REPORTS = 100
MOST_SUBTESTS = 50
MOST_ATTEMPTS = 100
MOST_OPEN_ROWS = 1000  # that did not pass, in one table
MOST_PINPOINTS = 100
CHUNK = 500  # rows of a table that is closed until it is wanted
SMALL = 60  # a matrix of at most so many rows is open as a whole
REPORT_BYTES, POSTMORTEM_BYTES, CONSOLE_BYTES, DETAIL_BYTES = 48_000, 32_000, 8_000, 16_000
MOST_DIFF_BYTES = 2_000_000

_WORDS = {
    "PASS": "passed",
    "SKIP": "skipped",
    "NOT_EXERCISED": "not exercised",
    "FAIL": "failed",
    "TIMEOUT": "timed out",
    "CRASH": "crashed",
    "ERROR": "in error",
}
_MUTANTS = {"PASS": "KILLED", "FAIL": "SURVIVED", "SKIP": "NOT TRIED"}


@dataclass(frozen=True)
class RunFiles:
    """What of the run directory goes into the page: the patches in their order, the texts of files by their path, and
    which paths are there to be linked to."""

    patches: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_there: Callable[[str], bool] = lambda _: False


@dataclass(frozen=True)
class Link:
    """A file of the run. `is_there` is false for one that this machine does not have: its name alone is shown."""

    words: str
    path: str
    is_there: bool


@dataclass(frozen=True)
class Cell:
    """A test on one kernel. `anchor` is where the page says more."""

    label: str
    tone: Tone
    time: str
    ops: str = ""
    anchor: str = ""


@dataclass(frozen=True)
class Row:
    """A test on all kernels: None where a kernel does not have it."""

    name: str
    cells: tuple[Cell | None, ...]
    said: str = ""

    @property
    def is_good(self) -> bool:
        return all(cell is None or cell.tone is Tone.GOOD for cell in self.cells)


@dataclass(frozen=True)
class Chunk:
    """Rows under a heading."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Matrix:
    """Tests x kernels: the way to the guest, what did not pass on every kernel, and what did."""

    kernels: tuple[str, ...]
    stages: tuple[Row, ...]
    remarkable: tuple[Chunk, ...]
    passed: tuple[Chunk, ...]
    passed_count: int

    @property
    def is_small(self) -> bool:
        return self.passed_count <= SMALL


@dataclass(frozen=True)
class Failure:
    """A stage or case that did not pass on one kernel, with its evidence."""

    anchor: str
    name: str
    kernel: str
    label: str
    tone: Tone
    standing: str  # what the base says
    cause: str
    comparison: Comparison | None = None
    hint: str = ""
    diagnosis: str = ""
    detail: str = ""
    subtests: tuple[Subtest, ...] = ()
    more_subtests: int = 0
    reports: tuple[tuple[str, str], ...] = ()  # title and anchor
    postmortem: str = ""
    console: str = ""
    links: tuple[Link, ...] = ()
    attempts: tuple[Finding, ...] = ()
    more_attempts: int = 0
    command: str = ""


@dataclass(frozen=True)
class Report:
    """A kernel report under its title, with how often and where it came."""

    anchor: str
    title: str
    kind: str
    tone: Tone
    count: int
    tests: tuple[str, ...]
    spots: tuple[decoded.Spot, ...]
    callers: tuple[str, ...]
    text: str
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Compared:
    """One row of the figures of comparisons."""

    name: str
    kernel: str
    anchor: str
    comparison: Comparison


@dataclass(frozen=True)
class KernelView:
    """The facts about a kernel."""

    name: str
    role: str
    outcome: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Page:
    """The whole page."""

    report: RunReport
    tone: Tone
    title: str
    origin: str  # where the series lay, in words
    counts: str
    time: str
    failures: tuple[Failure, ...]
    more_failures: int
    at_fault: tuple[Failure, ...]
    matrix: Matrix
    reports: tuple[Report, ...]
    more_reports: int
    pinpoints: tuple[Pinpoint, ...]
    more_pinpoints: int
    patches: tuple[PatchDiff, ...]
    costs: tuple[KernelCost, ...]
    is_covered: bool  # the diff says of its lines which were executed
    diff_left_out: tuple[Link, ...]
    compared: tuple[Compared, ...]
    kernels: tuple[KernelView, ...]
    scripts: tuple[Link, ...]
    files: tuple[Link, ...]


def page(report: RunReport, files: RunFiles) -> Page:
    """Everything that the page shows."""
    reports, anchors, more_reports = _reports(report, files)
    failures, left_out = _failures(report, files, anchors)
    places = {(failure.kernel, failure.name): failure.anchor for failure in failures}
    found = pinpoints(report)
    ran = tuple(covered(report))
    notes = [*(_note(one, anchors) for one in found), *ran]
    patches, left_out_patches = _patches(report, files)
    return Page(
        report=report,
        tone=VERDICT_TONES[report.verdict],
        title=report.series or "the base",
        origin=origin_words(report.origin) if report.origin else "",
        counts=_counts(report),
        time=seconds(report.time_s),
        failures=failures,
        more_failures=left_out,
        at_fault=tuple(one for one in failures if one.tone in (Tone.BAD, Tone.DEAD)),
        matrix=_matrix(report, places),
        reports=reports,
        more_reports=more_reports,
        pinpoints=found[:MOST_PINPOINTS],
        more_pinpoints=max(0, len(found) - MOST_PINPOINTS),
        patches=annotated(patches, notes),
        costs=tuple(costs(report)),
        is_covered=bool(ran),
        diff_left_out=left_out_patches,
        compared=tuple(_compared(report, places)),
        kernels=tuple(map(_kernel, report.suites)),
        scripts=_there(
            files,
            ("the whole run", "reproduce.sh"),
            *((suite.name, f"{suite.name}/reproduce.sh") for suite in report.suites),
        ),
        files=_there(files, ("JUnit", "junit.xml"), ("JSON", "report.json"), ("kill matrix", "matrix.json")),
    )


def _counts(report: RunReport) -> str:
    """`12 passed, 1 failed` on the kernels under test."""
    mutants = [suite for suite in report.suites if suite.has_mutants]
    subjects = mutants or [suite for suite in report.suites if suite.role is not Role.BASELINE] or report.suites
    labels = [_label(suite, case) for suite in subjects for case in suite.cases]
    return ", ".join(f"{labels.count(label)} {_WORDS.get(label, label.lower())}" for label in dict.fromkeys(labels))


# --- the matrix


def _matrix(report: RunReport, places: Mapping[tuple[str, str], str]) -> Matrix:
    suites = report.suites
    stages = _rows(suites, lambda suite: suite.stages, places)
    rows = _rows(suites, lambda suite: suite.cases, places)
    good = [row for row in rows if row.is_good]
    rest = sorted((row for row in rows if not row.is_good), key=lambda row: not _is_bad(row))
    first, more = rest[:MOST_OPEN_ROWS], rest[MOST_OPEN_ROWS:]
    return Matrix(
        kernels=tuple(suite.name for suite in suites),
        stages=tuple(stages),
        remarkable=(*([Chunk("", tuple(first))] if first else []), *_chunks(more)),
        passed=tuple(_chunks(good)),
        passed_count=len(good),
    )


def _is_bad(row: Row) -> bool:
    return any(cell and cell.tone in (Tone.BAD, Tone.DEAD, Tone.UNKNOWN) for cell in row.cells)


def _rows(
    suites: Sequence[SuiteReport],
    chosen: Callable[[SuiteReport], Sequence[StageResult] | Sequence[CaseResult]],
    places: Mapping[tuple[str, str], str],
) -> list[Row]:
    """One row for each name, in the order in which they first come."""
    found: dict[str, dict[int, Cell]] = {}
    said: dict[str, str] = {}
    for column, suite in enumerate(suites):
        for item in chosen(suite):
            found.setdefault(name_of(item), {})[column] = _cell(suite, item, places)
            if (item.outcome.is_bad or suite.has_mutants) and name_of(item) not in said:
                said[name_of(item)] = cause(item) if isinstance(item, CaseResult) else item.message
        for case, again in _only_again(suite).items():
            if case in found:
                found[case][column] = again
    return [
        Row(test, tuple(cells.get(column) for column in range(len(suites))), said.get(test, ""))
        for test, cells in found.items()
    ]


def _only_again(suite: SuiteReport) -> dict[str, Cell]:
    """Cases that ran on a kernel for nothing but the comparison with another."""
    first = {case.case for case in suite.cases}
    again: dict[str, list[Finding]] = {}
    for finding in suite.attempts:
        if finding.case not in first and not finding.is_host_fault:
            again.setdefault(finding.case, []).append(finding)
    cells = {}
    for case, findings in again.items():
        failed = sum(finding.outcome.is_bad for finding in findings)
        words = f"failed {failed} of {len(findings)}"
        cells[case] = Cell(words, Tone.OPEN if failed else Tone.GOOD, "")
    return cells


def _cell(suite: SuiteReport, item: StageResult | CaseResult, places: Mapping[tuple[str, str], str]) -> Cell:
    ops = ""
    if isinstance(item, CaseResult):
        ops = throughput([*item.metrics, *(metric for subtest in item.subtests for metric in subtest.metrics)])
    anchor = places.get((suite.name, name_of(item)), "")
    return Cell(_label(suite, item), tone(item), "" if is_not_run(item) else seconds(item.time_s), ops, anchor)


def _chunks(rows: Sequence[Row]) -> Iterator[Chunk]:
    for at in range(0, len(rows), CHUNK):
        part = tuple(rows[at : at + CHUNK])
        yield Chunk(f"{part[0].name} … {part[-1].name}" if len(part) > 1 else part[0].name, part)


def _label(suite: SuiteReport, item: StageResult | CaseResult) -> str:
    if is_not_run(item):
        return NOT_RUN
    return _MUTANTS.get(item.outcome.name, item.outcome.name) if suite.has_mutants else item.outcome.name


# --- what did not pass


def _failures(report: RunReport, files: RunFiles, anchors: Mapping[str, str]) -> tuple[tuple[Failure, ...], int]:
    """The first of them, and how many more there are."""
    bad = failures(report)
    shown = tuple(
        _failure(f"f{number}", suite, item, files, anchors)
        for number, (suite, item) in enumerate(bad[:MOST_FAILURES], 1)
    )
    return shown, len(bad) - len(shown)


def _failure(
    anchor: str, suite: SuiteReport, item: StageResult | CaseResult, files: RunFiles, anchors: Mapping[str, str]
) -> Failure:
    bad = tuple(subtest for subtest in item.subtests if subtest.outcome.is_bad)
    titles = dict.fromkeys(one.label for one in item.kernel_reports)
    reports = tuple((title, anchors.get(title, "")) for title in titles)
    console = tail(item.console, CONSOLE_BYTES) if not reports else ""
    label, standing = _label(suite, item), compared(item)
    if isinstance(item, StageResult):
        return Failure(
            anchor, item.stage, suite.name, label, tone(item), standing, item.message, item.comparison,
            hint=item.hint,
            detail=middle(item.detail, DETAIL_BYTES),
            subtests=bad[:MOST_SUBTESTS],
            more_subtests=len(bad[MOST_SUBTESTS:]),
            reports=reports,
            console=console,
            links=_links(files, (("its log", item.log),)),
        )  # fmt: skip
    attempts = tuple(finding for finding in suite.attempts if finding.case == item.case)
    evidence = [name for name in item.evidence if PurePath(name).name != DUMP]
    logs = [("kernel log", item.console_log), ("stdout", item.stdout), ("stderr", item.stderr)]
    logs += [(PurePath(name).name, name) for name in evidence]
    postmortem = next((files.texts[name] for name in evidence if name in files.texts), "")
    return Failure(
        anchor, item.case, suite.name, label, tone(item), standing, cause(item), item.comparison,
        diagnosis=item.diagnosis,
        subtests=bad[:MOST_SUBTESTS],
        more_subtests=len(bad[MOST_SUBTESTS:]),
        reports=reports,
        postmortem=middle(postmortem, POSTMORTEM_BYTES),
        console=console if item.run_outcome.is_bad else "",
        links=_links(files, logs),
        attempts=attempts[:MOST_ATTEMPTS] if len(attempts) > 1 else (),
        more_attempts=len(attempts[MOST_ATTEMPTS:]),
        command="" if suite.has_mutants else _command(suite, item),
    )  # fmt: skip


def _command(suite: SuiteReport, case: CaseResult) -> str:
    """Only this case again, on this kernel; to be run in the run directory."""
    patch = {Role.BASELINE: [], Role.PER_PATCH: ["patches", "--each-patch"]}.get(suite.role, ["patches"])
    base = suite.facts.base.split(" ")[0]
    where = ["--base", base] if base else []
    if base.startswith("/"):
        where = ["--tree", base, "--base", suite.facts.commit]
    words = ["orchestrate", "test", *patch, *where, "--kconfig", suite.kconfig, "--testcase", case.case]
    return shlex.join([*words, "--seed", str(case.seed)])


# --- kernel reports


def _reports(report: RunReport, files: RunFiles) -> tuple[tuple[Report, ...], dict[str, str], int]:
    """One for each title, failures first; where the page has each title; and how many titles it does not have."""
    found: dict[str, list[tuple[KernelReport, str, str]]] = {}
    for suite in report.suites:
        items: Sequence[tuple[str, str, Sequence[KernelReport]]] = [
            *((stage.stage, stage.log, stage.kernel_reports) for stage in suite.stages),
            *((case.case, case.console_log, case.kernel_reports) for case in suite.cases),
        ]
        for name, log, kernel_reports in items:
            for one in kernel_reports:
                found.setdefault(one.label, []).append((one, f"{name} on {suite.name}", log))
    ranked = sorted(found.items(), key=lambda entry: -max(one.outcome for one, _, _ in entry[1]))
    anchors = {title: f"k{number}" for number, (title, _) in enumerate(ranked[:MOST_REPORTS], 1)}
    shown = tuple(_report(title, anchors[title], same, files) for title, same in ranked[:MOST_REPORTS])
    return shown, anchors, len(ranked) - len(shown)


def _report(title: str, anchor: str, same: Sequence[tuple[KernelReport, str, str]], files: RunFiles) -> Report:
    first, _, log = same[0]
    links = (("all of it, with registers", first.file), (f"kernel log, line {first.line_start}", log))
    colour = Tone.OPEN if not first.outcome.is_bad else Tone.DEAD if first.outcome is Outcome.CRASH else Tone.BAD
    return Report(
        anchor, title, first.kind, colour, len(same), tuple(dict.fromkeys(test for _, test, _ in same))[:MOST_SUBTESTS],
        decoded.spots(first), decoded.callers(first), middle(decoded.screen(first), REPORT_BYTES),
        _links(files, links),
    )  # fmt: skip


# --- patches


def _patches(report: RunReport, files: RunFiles) -> tuple[tuple[PatchDiff, ...], tuple[Link, ...]]:
    """The patches, and links to those that are left out because the page would become too large."""
    shown: list[PatchDiff] = []
    left_out: list[Link] = []
    size = 0
    for number, (name, text) in enumerate(files.patches):
        subject = report.subjects[number] if number < len(report.subjects) else name
        size += len(text)
        if size > MOST_DIFF_BYTES:
            left_out.append(_link(files, f"{number + 1}/{len(files.patches)} {subject}", f"patches/{name}"))
            shown.append(PatchDiff(name, subject, ()))
        else:
            shown.append(patch_diff(name, subject, text))
    return tuple(shown), tuple(left_out)


def _note(one: Pinpoint, anchors: Mapping[str, str]) -> LineNote:
    return LineNote(
        one.file, one.line, f"culprit {one.level.value}", f"{one.title} ({one.test} on {one.kernel})",
        anchors.get(one.title, ""), one.patches, one.patch, one.text,
    )  # fmt: skip


# --- figures, kernels, files


def _compared(report: RunReport, places: Mapping[tuple[str, str], str]) -> Iterator[Compared]:
    for suite in report.suites:
        for item in items_of(suite):
            if item.comparison:
                anchor = places.get((suite.name, name_of(item)), "")
                yield Compared(name_of(item), suite.name, anchor, item.comparison)


def _kernel(suite: SuiteReport) -> KernelView:
    return KernelView(suite.name, suite.role.value, suite.outcome.name, suite.facts.properties())


def _there(files: RunFiles, *named: tuple[str, str]) -> tuple[Link, ...]:
    """Those of the files that are there."""
    return tuple(link for link in _links(files, named) if link.is_there)


def _links(files: RunFiles, named: Iterable[tuple[str, str]]) -> tuple[Link, ...]:
    return tuple(_link(files, words, path) for words, path in named if path)


def _link(files: RunFiles, words: str, path: str) -> Link:
    return Link(words, path, files.is_there(path))


def summary_of(patch: PatchDiff) -> str:
    """`3 files, +10 -2`."""
    return f"{counted(len(patch.files), 'file')}, +{patch.added} -{patch.removed}"
