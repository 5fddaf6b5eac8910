"""Which element a JUnit test case holds, and the type that CI servers group by. Pure.

`<failure>` is for what the series does wrong, and for a demand of the user's that is not met. `<error>` is for what
leaves the question open: the host, a tool, the request, the base. A file has neither exactly when the run's exit status
is 0; so what the base gets wrong too is `<skipped>` in a run that is clean all the same, and `<error
type="FailsOnBase">` in one that is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from orchestrator.judge.leaks import is_leak
from orchestrator.judge.verdict import is_excused, is_patch_failure, is_short
from orchestrator.model.kernel import Role
from orchestrator.model.kernel_report import KernelReport
from orchestrator.model.outcome import Outcome, Verdict
from orchestrator.model.report import CaseResult, RunReport, StageResult, SuiteReport

_OF_OUTCOME = {Outcome.TIMEOUT: "Timeout", Outcome.CRASH: "Crash"}


class Element(Enum):
    """The element; the values are JUnit's names."""

    PASSED = ""
    SKIPPED = "skipped"
    FAILURE = "failure"
    ERROR = "error"

    @property
    def is_bad(self) -> bool:
        return self in (Element.FAILURE, Element.ERROR)


@dataclass(frozen=True)
class JUnitResult:
    """`type` is empty for what is neither a failure nor an error."""

    kind: Element
    type: str = ""


@dataclass(frozen=True)
class Standing:
    """What a suite's results mean in its run."""

    is_clean: bool  # the run's exit status is 0
    is_beside: bool  # a base that is asked about failures of another kernel
    is_control: bool  # a kernel in which mutants are built in and none is on
    has_mutants: bool
    is_cut_short: bool = False  # it ended before the base could be asked, and so blames nobody


def standing(report: RunReport, suite: SuiteReport) -> Standing:
    return Standing(
        is_clean=report.verdict.exit_status == 0,
        is_beside=suite.role is Role.BASELINE and any(other.role is not Role.BASELINE for other in report.suites),
        is_control=suite.role is Role.MUTATED and not suite.has_mutants,
        has_mutants=suite.has_mutants,
        is_cut_short=not suite.has_mutants and report.verdict in (Verdict.NO_VERDICT, Verdict.BAD_REQUEST),
    )


def result_of_stage(stage: StageResult, in_run: Standing) -> JUnitResult:
    return _result(stage, stage.outcome, in_run, f"Stage.{stage.stage}")


def result_of_case(case: CaseResult, in_run: Standing) -> JUnitResult:
    """The result of the run of a case, without its subtests."""
    return _result(case, case.run_outcome, in_run, "Leak" if is_leak(case.message) else "ExitStatus")


def of_subtest(outcome: Outcome, owner: StageResult | CaseResult, in_run: Standing) -> JUnitResult:
    """The result of a subtest. Only its case or stage knows whether it is excused."""
    result = _result(owner, outcome, in_run, "Subtest")
    return JUnitResult(result.kind, _OF_OUTCOME.get(outcome, "Subtest")) if result.kind is Element.FAILURE else result


def culprit(kernel_reports: Sequence[KernelReport]) -> KernelReport | None:
    """The first report that is a failure; later ones are often its consequence."""
    return next((kernel_report for kernel_report in kernel_reports if kernel_report.outcome.is_bad), None)


def type_of(outcome: Outcome, kernel_reports: Sequence[KernelReport], otherwise: str) -> str:
    """The type of a failure. The kernel's report names the cause better than the ending of the case."""
    first = culprit(kernel_reports)
    return f"KernelReport.{first.kind}" if first else _OF_OUTCOME.get(outcome, otherwise)


def _result(owner: StageResult | CaseResult, outcome: Outcome, in_run: Standing, otherwise: str) -> JUnitResult:
    if outcome is Outcome.PASS:
        return JUnitResult(Element.PASSED)
    if not outcome.is_bad:
        return JUnitResult(Element.SKIPPED)
    if isinstance(owner, CaseResult) and owner.is_not_run:
        return JUnitResult(Element.ERROR, "NotRun")
    if is_excused(owner) or (in_run.is_beside and outcome is not Outcome.ERROR):
        return JUnitResult(Element.SKIPPED) if in_run.is_clean else JUnitResult(Element.ERROR, "FailsOnBase")
    if in_run.is_control:
        return JUnitResult(Element.ERROR, "ControlFails")
    if is_patch_failure(owner) and not in_run.is_beside:
        if in_run.has_mutants:
            return JUnitResult(Element.FAILURE, "Survived")
        if in_run.is_cut_short:
            return JUnitResult(Element.ERROR, "NotCompared")
        return JUnitResult(Element.FAILURE, type_of(outcome, owner.kernel_reports, otherwise))
    if is_short(owner):
        return JUnitResult(Element.FAILURE, "Coverage")
    if owner.comparison:
        return JUnitResult(Element.ERROR, "Inconclusive")
    if isinstance(owner, StageResult) and owner.is_request_fault:
        return JUnitResult(Element.ERROR, "BadRequest")
    return JUnitResult(Element.ERROR, "Infrastructure")
