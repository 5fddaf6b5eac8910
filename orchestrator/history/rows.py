"""A run as rows: one dataclass for each table, its fields are the columns. Pure.

Text is made harmless first: it is shown in terminals, and PostgreSQL takes no NUL.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from orchestrator.history import subject
from orchestrator.judge.mutants import Matrix
from orchestrator.judge.verdict import is_excused, is_patch_failure
from orchestrator.model.kernel_report import KernelReport, KnownIssue
from orchestrator.model.night import NightItem
from orchestrator.model.report import CaseResult, Finding, Metric, RunReport, StageResult, SuiteReport
from orchestrator.reporters import decoded, junit_names
from orchestrator.reporters.failures import is_not_run, items_of, name_of
from orchestrator.reporters.junit_files import files_of_case, files_of_stage
from orchestrator.reporters.pinpoint import patch_number
from orchestrator.reporters.text import harmless

NOT_RUN = "NOT_RUN"  # an outcome of what was planned and is missing
_NAMES = ("test", "title", "label", "name", "kernel", "topic", "tree", "night", "item")
_NAME_CHARS, _TEXT_CHARS = 300, 4000  # an index of PostgreSQL takes 2,704 bytes
_MOST = 1e100  # of a figure: what is greater measured nothing, and its differences would overflow
_MAY_MISS = ("value", "p", "guest_s")
RUN_FILES = ("report.html", "report.json", "junit.xml", "matrix.json", "reproduce.sh")


@dataclass(frozen=True)
class RunRow:
    """`id` is the same for every import of the run. `location` is its directory, or the URL under which it is found.
    `topic` is the series without its version, `revision` that version (0: the name has none), `tree` what the kernels
    come from without its revision (subject.py)."""

    id: str
    content: str  # digest of everything that was imported
    series: str
    series_digest: str
    suite_name: str
    verdict: str
    reason: str
    started: str
    time_s: float
    host: str
    arch: str
    compiler: str
    version: str
    location: str
    topic: str
    revision: int
    tree: str


@dataclass(frozen=True)
class KernelRow:
    """`label` is the name of the kernel across runs: KCONFIG.ARCH.COMPILER, and its role if it is not under test."""

    name: str
    label: str
    kconfig: str
    role: str
    outcome: str
    base: str
    commit: str
    tree: str
    release: str
    build_id: str
    accelerator: str
    machine: str
    cpus: int
    memory_mib: int
    patches: int


@dataclass(frozen=True)
class AttemptRow:
    """One execution of a test on a kernel of the run, both by name."""

    kernel: str
    test: str
    number: int
    pair: int
    seed: str  # it may exceed 63 bits
    outcome: str
    time_s: float
    message: str
    diagnosis: str
    is_host_fault: bool


@dataclass(frozen=True)
class FindingRow:
    """The result of a stage, a case or a subtest (CASE.SUBTEST) on a kernel, and what the comparison said."""

    kernel: str
    kind: str  # stage, case, subtest, mutant
    test: str
    outcome: str
    time_s: float
    message: str
    is_at_fault: bool
    is_excused: bool
    answer: str
    p: float | None
    patched_failed: int | None
    base_failed: int | None
    pairs: int | None


@dataclass(frozen=True)
class ReportRow:
    """A kernel report with its place, during a test, `times` times."""

    kernel: str
    test: str
    title: str
    kind: str
    outcome: str
    known: str
    function: str
    file: str
    line: int
    patch: int
    times: int


@dataclass(frozen=True)
class MetricRow:
    """A figure that a test gave on a kernel of the run, both by name."""

    kernel: str
    test: str
    name: str
    unit: str
    value: float | None  # None: it was no number


@dataclass(frozen=True)
class ArtifactRow:
    """A file of the run, relative to its location: of a test that did not pass, or of the whole run."""

    kernel: str
    test: str
    path: str


@dataclass(frozen=True)
class MutantRow:
    """What became of a mutant. From `kconfig` on it is of the kill: empty and None where nothing killed it."""

    name: str
    mutant_class: str
    status: str
    reason: str
    kconfig: str
    test: str
    detector: str
    guest_s: float | None


@dataclass(frozen=True)
class CoverageRow:
    """Of the statements that the series changes in a kernel: how many have code there, and how many of them a case
    executed."""

    kernel: str
    hit: int
    counted: int


@dataclass(frozen=True)
class KnownIssueRow:
    """A known issue that the run was made with."""

    title: str
    link: str
    expires: str


@dataclass(frozen=True)
class NightItemRow:
    """Which item of which night the run is. `tested` says what it tests: NAME=DIGEST, with spaces between them."""

    night: str
    item: str
    tested: str


@dataclass(frozen=True)
class Rows:
    """Everything of a run."""

    run: RunRow
    kernels: tuple[KernelRow, ...]
    attempts: tuple[AttemptRow, ...]
    findings: tuple[FindingRow, ...]
    reports: tuple[ReportRow, ...]
    metrics: tuple[MetricRow, ...]
    artifacts: tuple[ArtifactRow, ...]
    mutants: tuple[MutantRow, ...]
    known_issues: tuple[KnownIssueRow, ...]
    coverages: tuple[CoverageRow, ...]
    night_items: tuple[NightItemRow, ...] = ()


def rows_of(
    identity: str,
    report: RunReport,
    *,
    location: str,
    matrix: Matrix | None = None,
    known: Sequence[KnownIssue] = (),
    night: NightItem | None = None,
) -> Rows:
    """The rows of a run. `identity` names it in every import."""
    suites = report.suites
    topic, revision = subject.topic(report.series)
    run = RunRow(
        identity, "", report.series, report.series_digest, report.suite_name, report.verdict.name, report.reason,
        report.started, report.time_s, report.hostname, report.arch, report.compiler, report.version, location, topic,
        revision, subject.tree(suites),
    )  # fmt: skip
    made = Rows(
        run=_clean(run),
        kernels=_all(_kernel(report, suite) for suite in suites),
        attempts=_all(_attempt(suite, one) for suite in suites for one in _attempts(suite)),
        findings=_all(one for suite in suites for one in _findings(suite)),
        reports=_all(one for suite in suites for one in _reports(suite)),
        metrics=_all(one for suite in suites for one in _metrics(suite)),
        artifacts=_all(_artifacts(suites)),
        mutants=_all(_mutants(matrix)),
        known_issues=_all(KnownIssueRow(one.title, one.link, one.expires) for one in known),
        coverages=_all(CoverageRow(one.name, one.coverage.hit, one.coverage.counted) for one in suites if one.coverage),
        night_items=_all(_night_item(night)) if night else (),
    )
    content = hashlib.sha256(repr(made).encode()).hexdigest()
    return replace(made, run=replace(made.run, content=content))


T = TypeVar("T")


def _all(rows: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(map(_clean, rows)))


def _clean(row: T) -> T:
    return replace(row, **{entry.name: _fit(entry.name, getattr(row, entry.name)) for entry in fields(row)})  # type: ignore[type-var, arg-type]


def _fit(name: str, value: Any) -> Any:
    """What any database can store. The names of things are indexed, which has a limit."""
    if isinstance(value, str):
        return harmless(value)[: _NAME_CHARS if name in _NAMES else _TEXT_CHARS]
    if isinstance(value, float) and not abs(value) < _MOST:
        return None if name in _MAY_MISS else 0.0
    return value


def _kernel(report: RunReport, suite: SuiteReport) -> KernelRow:
    facts = suite.facts
    return KernelRow(
        suite.name, junit_names.suite_name(report, suite), suite.kconfig, suite.role.value, suite.outcome.name,
        facts.base, facts.commit, facts.tree, facts.release or facts.kernel, facts.build_id, facts.accelerator,
        facts.machine, facts.cpus, facts.memory_mib, facts.patches,
    )  # fmt: skip


def _attempts(suite: SuiteReport) -> Sequence[Finding]:
    """All of them; of an old report those that its cases show. A mutant is no case."""
    return () if suite.has_mutants else suite.attempts or suite.cases


def _attempt(suite: SuiteReport, one: Finding) -> AttemptRow:
    outcome = NOT_RUN if one.is_not_run else one.outcome.name
    return AttemptRow(
        suite.name, one.case, one.number, one.pair, str(one.seed), outcome, one.time_s, one.message, one.diagnosis,
        one.is_host_fault,
    )  # fmt: skip


def _findings(suite: SuiteReport) -> Iterator[FindingRow]:
    for item in items_of(suite):
        kind = "stage" if isinstance(item, StageResult) else "mutant" if suite.has_mutants else "case"
        found = item.comparison
        yield FindingRow(
            suite.name, kind, name_of(item), NOT_RUN if is_not_run(item) else item.outcome.name, item.time_s,
            item.message, is_patch_failure(item), is_excused(item), found.answer.name if found else "",
            found.p if found else None, found.patched_failed if found else None, found.base_failed if found else None,
            found.pairs if found else None,
        )  # fmt: skip
        for subtest in item.subtests:
            yield FindingRow(
                suite.name, "subtest", f"{name_of(item)}.{subtest.name}", subtest.outcome.name, subtest.time_s,
                subtest.message, False, False, "", None, None, None, None,
            )  # fmt: skip


def _reports(suite: SuiteReport) -> Iterator[ReportRow]:
    """Of all attempts: what a title is about is rare, and a repetition may be the first to show it."""
    found: dict[ReportRow, int] = {}
    sources: list[tuple[str, Sequence[KernelReport]]] = [(one.stage, one.kernel_reports) for one in suite.stages]
    sources += [(one.case, one.kernel_reports) for one in _attempts(suite)]
    for test, kernel_reports in sources:
        for one in kernel_reports:
            row = _report(suite, test, one)
            found[row] = found.get(row, 0) + 1
    return (replace(row, times=times) for row, times in found.items())


def _report(suite: SuiteReport, test: str, one: KernelReport) -> ReportRow:
    spot = next(iter(decoded.spots(one)), None)
    place = spot.place if spot else None
    return ReportRow(
        suite.name, test, one.title, one.kind, one.outcome.name, one.known, place.function if place else one.frame,
        place.file if place else "", place.line if place else 0, patch_number(place) if place else 0, 1,
    )  # fmt: skip


def _metrics(suite: SuiteReport) -> Iterator[MetricRow]:
    for case in suite.cases:
        named: list[tuple[str, Sequence[Metric]]] = [(case.case, case.metrics)]
        named += [(f"{case.case}.{subtest.name}", subtest.metrics) for subtest in case.subtests]
        for test, metrics in named:
            for metric in metrics:
                yield MetricRow(suite.name, test, metric.name, metric.unit, metric.value)


def _artifacts(suites: Sequence[SuiteReport]) -> Iterator[ArtifactRow]:
    yield from (ArtifactRow("", "", path) for path in RUN_FILES)
    for suite in suites:
        yield ArtifactRow(suite.name, "", f"{suite.name}/reproduce.sh")
        for item in items_of(suite):
            if item.outcome.is_bad:
                paths = files_of_case(item) if isinstance(item, CaseResult) else files_of_stage(item)
                yield from (ArtifactRow(suite.name, name_of(item), path) for path in paths if path)


def _night_item(night: NightItem) -> Iterator[NightItemRow]:
    yield NightItemRow(night.night, night.item, " ".join(f"{name}={digest}" for name, digest in night.tested))


def _mutants(matrix: Matrix | None) -> Iterator[MutantRow]:
    for row in matrix.rows if matrix else ():
        kill = row.kill
        yield MutantRow(
            row.mutant, row.group, row.status.name, row.reason, kill.kconfig if kill else "", kill.case if kill else "",
            kill.detector.value if kill else "", kill.guest_s if kill else None,
        )  # fmt: skip
