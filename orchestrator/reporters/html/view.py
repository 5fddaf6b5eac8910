"""What report.html shows, before it is HTML. Pure.

The page has limits, because a run may have 28,000 cases and a kernel that reports something in each: what did not pass
comes first and with its evidence, what passed takes a short row, and what is left out is counted; report.json has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orchestrator.model.kernel import Role
from orchestrator.model.report import Comparison, RunReport, SuiteReport
from orchestrator.reporters.failures import items_of, name_of
from orchestrator.reporters.html.costs import KernelCost, costs
from orchestrator.reporters.html.covered import covered
from orchestrator.reporters.html.diff import LineNote, PatchDiff, annotated, patch_diff
from orchestrator.reporters.html.failed import Failure, failed
from orchestrator.reporters.html.links import Link, RunFiles, link, those_there
from orchestrator.reporters.html.matrix import Matrix, label_of, matrix
from orchestrator.reporters.html.reported import Report, reported
from orchestrator.reporters.origin import origin_words
from orchestrator.reporters.pinpoint import Pinpoint, pinpoints
from orchestrator.reporters.summary import VERDICT_TONES, Tone, seconds
from orchestrator.words import counted

MOST_PINPOINTS = 100
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
    reports, anchors, more_reports = reported(report, files)
    failures, left_out = failed(report, files, anchors)
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
        matrix=matrix(report, places),
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
        scripts=those_there(
            files,
            ("the whole run", "reproduce.sh"),
            *((suite.name, f"{suite.name}/reproduce.sh") for suite in report.suites),
        ),
        files=those_there(files, ("JUnit", "junit.xml"), ("JSON", "report.json"), ("kill matrix", "matrix.json")),
    )


def _counts(report: RunReport) -> str:
    """`12 passed, 1 failed` on the kernels under test."""
    mutants = [suite for suite in report.suites if suite.has_mutants]
    subjects = mutants or [suite for suite in report.suites if suite.role is not Role.BASELINE] or report.suites
    labels = [label_of(suite, case) for suite in subjects for case in suite.cases]
    return ", ".join(f"{labels.count(label)} {_WORDS.get(label, label.lower())}" for label in dict.fromkeys(labels))


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
            left_out.append(link(files, f"{number + 1}/{len(files.patches)} {subject}", f"patches/{name}"))
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


def summary_of(patch: PatchDiff) -> str:
    """`3 files, +10 -2`."""
    return f"{counted(len(patch.files), 'file')}, +{patch.added} -{patch.removed}"
