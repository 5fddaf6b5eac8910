"""What did not pass in a run, the most telling first. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.judge.verdict import is_excused, is_patch_failure
from orchestrator.model.kernel import Role
from orchestrator.model.report import CaseResult, RunReport, StageResult, SuiteReport


def items_of(suite: SuiteReport) -> Iterator[StageResult | CaseResult]:
    """Everything that has a result on a kernel."""
    yield from suite.stages
    yield from suite.cases


def name_of(item: StageResult | CaseResult) -> str:
    return item.stage if isinstance(item, StageResult) else item.case


def is_not_run(item: StageResult | CaseResult) -> bool:
    return isinstance(item, CaseResult) and item.is_not_run


def failures(report: RunReport) -> list[tuple[SuiteReport, StageResult | CaseResult]]:
    """What ran and did not end well: what the series is at fault for, then what nobody knows, what is excused, and what
    happened on the base."""
    bad = [
        (suite, item)
        for suite in report.suites
        for item in items_of(suite)
        if item.outcome.is_bad and not is_not_run(item)
    ]
    return sorted(
        bad, key=lambda pair: (pair[0].role is Role.BASELINE, not is_patch_failure(pair[1]), is_excused(pair[1]))
    )
