"""What did not pass, with its evidence, as the page shows it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from orchestrator.judge.cause import cause
from orchestrator.model.evidence_files import DUMP
from orchestrator.model.report import CaseResult, Comparison, Finding, RunReport, StageResult, Subtest, SuiteReport
from orchestrator.reporters.compared import compared
from orchestrator.reporters.failures import failures
from orchestrator.reporters.html.links import Link, RunFiles, links
from orchestrator.reporters.html.matrix import label_of
from orchestrator.reporters.rerun import rerun_here
from orchestrator.reporters.summary import Tone, tone
from orchestrator.reporters.text import middle, tail

MOST_FAILURES = 200
MOST_SUBTESTS = 50
MOST_ATTEMPTS = 100
POSTMORTEM_BYTES, CONSOLE_BYTES, DETAIL_BYTES = 32_000, 8_000, 16_000


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


def failed(report: RunReport, files: RunFiles, anchors: Mapping[str, str]) -> tuple[tuple[Failure, ...], int]:
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
    label, standing = label_of(suite, item), compared(item)
    if isinstance(item, StageResult):
        return Failure(
            anchor, item.stage, suite.name, label, tone(item), standing, item.message, item.comparison,
            hint=item.hint,
            detail=middle(item.detail, DETAIL_BYTES),
            subtests=bad[:MOST_SUBTESTS],
            more_subtests=len(bad[MOST_SUBTESTS:]),
            reports=reports,
            console=console,
            links=links(files, (("its log", item.log),)),
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
        links=links(files, logs),
        attempts=attempts[:MOST_ATTEMPTS] if len(attempts) > 1 else (),
        more_attempts=len(attempts[MOST_ATTEMPTS:]),
        command="" if suite.has_mutants else rerun_here(suite, item),
    )  # fmt: skip
