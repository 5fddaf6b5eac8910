"""Outcomes as KCIDB's statuses, which say who failed: FAIL the kernel, ERROR the test, MISS what should have run it.
Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.model.outcome import Outcome
from orchestrator.model.report import BUILD, COVERAGE, CaseResult, Finding, StageResult, SuiteReport

STATUS: Mapping[Outcome, str] = {
    Outcome.PASS: "PASS",
    Outcome.SKIP: "SKIP",
    Outcome.NOT_EXERCISED: "DONE",  # it completed, and says nothing of the kernel
    Outcome.FAIL: "FAIL",
    Outcome.TIMEOUT: "FAIL",
    Outcome.CRASH: "FAIL",
    Outcome.ERROR: "ERROR",
}


def of_run(finding: Finding | CaseResult) -> str:
    """Of an attempt of a case, or of a case that was planned."""
    if finding.is_host_fault or (finding.is_not_run and finding.outcome is Outcome.ERROR):
        return "MISS"
    return STATUS[finding.outcome]


def of_stage(stage: StageResult) -> str:
    """Of a stage that tests, or that was to make a test possible."""
    if stage.stage == COVERAGE and stage.outcome is Outcome.PASS:
        return "DONE"  # a measurement
    if not stage.outcome.is_bad:
        return STATUS[stage.outcome]
    if stage.is_patch_fault or stage.also_on_base or stage.only_reports:
        return "FAIL"
    if stage.stage == COVERAGE and stage.outcome is Outcome.FAIL:
        return "FAIL"  # less than what was asked for
    return "ERROR" if stage.is_request_fault else "MISS"


def of_build(suite: SuiteReport, stages: Sequence[StageResult]) -> str:
    """Of a kernel, by the stages that made it. One that was never begun is missing, unless nobody needed it."""
    bad = next((one for one in stages if one.outcome.is_bad), None)
    if bad:
        return of_stage(bad)
    build = next((one for one in stages if one.stage == BUILD), None)
    if build and build.outcome is Outcome.SKIP:
        return STATUS[Outcome.SKIP]
    return "PASS" if suite.facts.product or build else "MISS"
