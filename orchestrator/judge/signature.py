"""What identifies a failure: the marks that two attempts share if they fail in the same way. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Finding, StageResult

Signature = frozenset[str]
NOTHING: Signature = frozenset()
_REPORT, _ALIKE = "report: ", "also called: "  # the latter: an alternative title, and after a line end the title
NOT_BUILT: Signature = frozenset({"not built"})  # of a program that the tree does not build: nothing of it was run


def signature(finding: Finding) -> Signature | None:
    """The marks of an attempt, from the precise (the title of a kernel report, the name of a subtest) to the coarse
    (how bad it was). Empty: nothing went wrong. None: the attempt says nothing about its kernel, because the host
    spoiled it or it was not run.

    Coarse marks recognise a failure whose titles vary. As soon as another kernel shows a coarse mark, only the precise
    marks tell the two apart.
    """
    if finding.is_host_fault or finding.is_not_run or finding.outcome in (Outcome.ERROR, Outcome.SKIP):
        return None
    if finding.is_not_built:
        return NOT_BUILT
    if not finding.outcome.is_bad:
        return NOTHING
    marks = _of_reports(finding.kernel_reports)
    marks |= {f"subtest: {subtest.name}" for subtest in finding.subtests if subtest.outcome.is_bad}
    if finding.run_outcome.is_bad and not finding.only_reports:
        marks.add(f"the run: {finding.run_outcome.name.lower()}")
    return frozenset({*marks, f"outcome: {finding.outcome.name.lower()}"})


def shown(of_base: Signature, wanted: Signature) -> Signature:
    """What an attempt on the base showed of a failure with the marks `wanted`. A report that has a title in common with
    one of the base's, alternative titles among them, was shown. If the base ended worse, it did not get far enough to
    show the rest, so all marks but those of kernel reports count as shown."""
    of_base |= _alike(of_base, wanted)
    if _severity(of_base) <= _severity(wanted):
        return of_base
    return of_base | {mark for mark in wanted if not mark.startswith((_REPORT, _ALIKE, "kind of report: "))}


def _alike(of_base: Signature, wanted: Signature) -> Signature:
    """The marks of the reports of `wanted` that the base showed under one of their titles."""
    known = {title for titles in _titles(of_base).values() for title in titles}
    same = {title for title, titles in _titles(wanted).items() if titles & known}
    return frozenset(mark for mark in wanted if _title(mark) in same)


def _titles(marks: Signature) -> dict[str, set[str]]:
    """All titles of each report, by its first one."""
    found: dict[str, set[str]] = {}
    for mark in marks:
        if title := _title(mark):
            found.setdefault(title, {title}).add(mark.removeprefix(_ALIKE).partition("\n")[0])
    return {title: titles - {f"{_REPORT}{title}"} for title, titles in found.items()}


def _title(mark: str) -> str:
    """The title of the report that a mark is of; empty for other marks."""
    if mark.startswith(_REPORT):
        return mark.removeprefix(_REPORT)
    return mark.partition("\n")[2] if mark.startswith(_ALIKE) else ""


def _severity(marks: Signature) -> Outcome:
    return max((outcome for outcome in Outcome if f"outcome: {outcome.name.lower()}" in marks), default=Outcome.PASS)


def signature_of_boot(stage: StageResult) -> Signature:
    """The marks of a first boot, which is a stage. A host's fault has no marks. A boot that ended with a report
    that is as bad has only the report's marks, like an attempt to boot."""
    if not stage.outcome.is_bad or not stage.is_patch_fault:
        return NOTHING
    marks = _of_reports(stage.kernel_reports)
    if all(report.outcome < stage.outcome for report in stage.kernel_reports):
        marks.add(f"the run: {stage.outcome.name.lower()}")
    return frozenset({*marks, f"outcome: {stage.outcome.name.lower()}"})


def _of_reports(reports: Iterable[KernelReport]) -> set[str]:
    bad = [report for report in reports if report.outcome.is_bad]
    titles = {f"{_REPORT}{report.title}" for report in bad}
    alike = {f"{_ALIKE}{other}\n{report.title}" for report in bad for other in report.alternatives}
    return titles | alike | {f"kind of report: {report.kind}" for report in bad}
