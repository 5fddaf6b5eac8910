"""Titles of kernel reports as KCIDB's issues, and where they were met as its incidents. Pure.

An issue is one whose culprit is known: the kernel that printed the report, or code that did not build. What a test
alone says is that test's status.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.report import RunReport, StageResult, SuiteReport
from orchestrator.reporters import decoded
from orchestrator.reporters.compared import compared
from orchestrator.reporters.elsewhere import ci_name
from orchestrator.reporters.kcidb.names import Json, object_id, path, text, without_nothing
from orchestrator.reporters.kcidb.tests import OURS, Ran

VERSION = 1
"""Of an issue: it grows with what we say of a title, which is the title alone."""
NOT_BUILT = ("configure", "build")


def issues(report: RunReport, suite: SuiteReport, ran: Sequence[Ran]) -> Iterator[Json]:
    """Each title once for each place where it was met."""
    for one in _met(ran):
        yield _issue(report, one.title, f"{OURS}.{path(one.kind)}" if path(one.kind) else OURS)
    for stage in _refused(suite):
        yield _issue(report, _first_line(stage), f"build.{stage.stage}")


def incidents(report: RunReport, suite: SuiteReport, build: str, ran: Sequence[Ran]) -> Iterator[Json]:
    """That a test, or the build, met an issue."""
    for test in ran:
        for title, one in {one.title: one for one in reversed([*_met([test])])}.items():
            spots = decoded.spots(one)
            place = f"{spots[0].line}: {spots[0].by}" if spots and spots[0].by else spots[0].line if spots else ""
            said = compared(test.source) if isinstance(test.source, StageResult) else ""
            yield _incident(report, title, {"test_id": test.data["id"]}, text("; ".join(filter(None, (place, said)))))
    for stage in _refused(suite):
        yield _incident(report, _first_line(stage), {"build_id": build}, "")


def _met(ran: Sequence[Ran]) -> Iterator[KernelReport]:
    for test in ran:
        for one in test.source.kernel_reports if test.source else ():
            if one.outcome.is_bad and not one.known:
                yield one


def _refused(suite: SuiteReport) -> Iterator[StageResult]:
    return (one for one in suite.stages if one.stage in NOT_BUILT and one.outcome.is_bad and one.is_patch_fault)


def _first_line(stage: StageResult) -> str:
    return stage.message.partition("\n")[0]


def _issue(report: RunReport, title: str, category: str) -> Json:
    return without_nothing(
        {
            "id": object_id(report, "issue", title),
            "version": VERSION,
            "origin": ci_name(report),
            "report_subject": text(title),
            "comment": text(title),
            "categories": [category],
            "culprit": {"code": True},
        }
    )


def _incident(report: RunReport, title: str, where: Json, comment: str) -> Json:
    return without_nothing(
        {
            "id": object_id(report, "incident", title, *where.values()),
            "origin": ci_name(report),
            "issue_id": object_id(report, "issue", title),
            "issue_version": VERSION,
            **where,
            "present": True,
            "comment": comment,
        }
    )
