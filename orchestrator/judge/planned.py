"""Planned kernels, cases and stages that were not run, so that every report has them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.outcome import Outcome
from orchestrator.model.planned import PlannedKernel
from orchestrator.model.report import BOOT, BUILD, CaseResult, StageResult, SuiteReport

NOT_NEEDED = "not run: nothing that was asked of this kernel needs a guest"


def with_planned(
    suites: Sequence[SuiteReport], planned: Sequence[PlannedKernel], started: str
) -> tuple[SuiteReport, ...]:
    """The reports in the planned order, unplanned ones last, with every planned case that is missing in them. After a
    failed stage such a case is skipped, since that is expected; otherwise it is an error: something prevented it from
    running. A kernel that answered without being built says so."""
    by_name = {suite.name: _with_what_was_not_needed(suite) for suite in suites}
    found = []
    for plan in planned:
        suite = by_name.pop(plan.name, None) or _empty(plan, started)
        found.append(_completed(suite, plan.cases))
    return (*found, *by_name.values())


def _empty(plan: PlannedKernel, started: str) -> SuiteReport:
    facts = KernelFacts(kconfig_files=plan.kconfig_files, toolchain=plan.toolchain, arch=plan.arch)
    return SuiteReport(plan.name, plan.kconfig, plan.role, (), (), started, facts=facts)


def _with_what_was_not_needed(suite: SuiteReport) -> SuiteReport:
    """With the stages of a kernel and its guests, where all that was asked was answered without them."""
    made = {stage.stage for stage in suite.stages}
    is_answered = bool(suite.attempts) and all(one.case in suite.without_guest for one in suite.attempts)
    if not is_answered or BUILD in made or any(stage.is_end for stage in suite.stages):
        return suite
    not_run = (StageResult(name, Outcome.SKIP, 0.0, NOT_NEEDED) for name in (BUILD, BOOT) if name not in made)
    return replace(suite, stages=(*suite.stages, *not_run))


def _completed(suite: SuiteReport, planned: Sequence[str]) -> SuiteReport:
    stopped = next((stage for stage in suite.stages if stage.is_end), None)
    known = {case.case: case for case in suite.cases}
    where = stopped.stage if stopped else ""
    cases = tuple(known.pop(name) if name in known else _not_run(name, where) for name in planned)
    return replace(suite, cases=(*cases, *known.values()))


def _not_run(name: str, stopped: str) -> CaseResult:
    if stopped:
        return CaseResult(name, Outcome.SKIP, Outcome.SKIP, f"not run: {stopped} failed", 0.0, is_not_run=True)
    return CaseResult(name, Outcome.ERROR, Outcome.ERROR, "planned, and not run", 0.0, is_not_run=True)
