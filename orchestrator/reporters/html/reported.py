"""The kernel reports of a run, one for each title, as the page shows them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import RunReport
from orchestrator.reporters import decoded
from orchestrator.reporters.html.links import Link, RunFiles, links
from orchestrator.reporters.summary import Tone
from orchestrator.reporters.text import middle

MOST_REPORTS = 100
MOST_TESTS = 50
REPORT_BYTES = 48_000


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


def reported(report: RunReport, files: RunFiles) -> tuple[tuple[Report, ...], dict[str, str], int]:
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
    named = (("all of it, with registers", first.file), (f"kernel log, line {first.line_start}", log))
    colour = Tone.OPEN if not first.outcome.is_bad else Tone.DEAD if first.outcome is Outcome.CRASH else Tone.BAD
    return Report(
        anchor, title, first.kind, colour, len(same), tuple(dict.fromkeys(test for _, test, _ in same))[:MOST_TESTS],
        decoded.spots(first), decoded.callers(first), middle(decoded.screen(first), REPORT_BYTES),
        links(files, named),
    )  # fmt: skip
