"""Does the suite notice when the series is wrong? For each variant one kernel with all mutants, then a guest for each
mutant, with that one switched on.

A mutant is tested until its first kill. The cases that its header names come first, with several attempts, because a
race needs luck; then all others, then the next variant. A mutant that was killed on one variant is not tested on the
next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.judge.mutants import kill_of
from orchestrator.model.attempt import Planned
from orchestrator.model.case import Case
from orchestrator.model.job import Build, Job, Session
from orchestrator.model.kernel import Role, Variant
from orchestrator.model.report import BOOT, SuiteReport
from orchestrator.model.request import Plan
from orchestrator.model.selection import Learned
from orchestrator.model.series import Mutant, Observable
from orchestrator.model.subject import Subject, patched
from orchestrator.questions.first_test import is_built, is_finished
from orchestrator.questions.question import Known

BOOT_FACTOR = 8  # how much longer than the control's a mutant's boot may take before it counts as hung
BOOT_LEAST_S = 20.0
NAMED_ATTEMPTS = 3  # of each case that a mutant's header names; a mutant that survives three mostly survives more


@dataclass(frozen=True)
class Mutation:
    """`refused` are mutants that the kernels turned out not to have, `left_out` those that are not worth a guest on a
    variant (by its name), with reasons. `measures`: the series' own kernel runs the cases first, to see which lines
    they execute. `over_budget` collects those that were not begun. `at_once`: how many are named before one has
    ended, so that the budget is looked at when a guest is free; 0: all."""

    plan: Plan
    is_budget_over: Callable[[], bool]
    refused: Callable[[], Mapping[str, str]]
    left_out: Callable[[str], Mapping[str, str]] = lambda variant: {}
    measures: bool = False
    over_budget: set[str] = field(default_factory=set)
    at_once: int = 0

    def next(self, known: Known) -> Sequence[Job]:
        """Variant by variant: a mutant that is killed on one needs no guest of a later one."""
        for number, variant in enumerate(self.plan.variants):
            if jobs := self._on(variant, self.plan.variants[:number], known):
                return jobs
            if any(not known.is_over(job) for job in known.issued):
                return []
        return []

    def _on(self, variant: Variant, before: Sequence[Variant], known: Known) -> list[Job]:
        """What has not begun on one variant. The control comes first: mutants are compared with it."""
        if self.measures and isinstance(found := self._unmutated(patched(self.plan.kernel(variant)), known), list):
            return found
        report = self._unmutated(control_of(self.plan, variant), known)
        if isinstance(report, list):
            return report
        limit_s, unworthy = _boot_limit_s(report), {*self.refused(), *self.left_out(variant.name)}
        jobs: list[Job] = []
        room = self.at_once - len(known.issued - known.ended) if self.at_once else len(self.plan.mutants)
        for number, mutant in enumerate(self.plan.mutants, 1):
            if len(jobs) >= room:
                break
            if mutant.name in unworthy or why_not_run(mutant, self.plan, (variant.kconfig.name,)):
                continue
            if any(self._is_killed(one, number, known) for one in before):
                continue
            jobs += self._try(subject_of(self.plan, variant, number), mutant, limit_s, known, report)
        return sorted(jobs, key=lambda job: isinstance(job, Build))  # a build waits until all slots are free

    def _unmutated(self, subject: Subject, known: Known) -> SuiteReport | list[Job]:
        """What has not begun of a kernel without any mutant switched on; its report when it has passed all cases. One
        that has failed has no jobs left: what the mutants did would say nothing."""
        build = Build(subject)
        if build not in known.issued:
            return [build]
        report = known.report(subject)
        if report is None or not known.is_over(build) or not is_built(report):
            return []
        session = Session(subject, tuple(Planned(case.name, self.plan.request.seed) for case in self.plan.cases))
        if session not in known.issued and not is_finished(report, self.plan.cases):
            return [session]
        return report if known.is_at_rest(subject) and not report.outcome.is_bad else []

    def _try(self, subject: Subject, mutant: Mutant, limit_s: float, known: Known, control: SuiteReport) -> list[Job]:
        """One mutant on one kconfig; nothing if the budget is used up."""
        cases = cases_in_order(self.plan.cases, mutant, self.plan.learned)
        attempts = tuple(Planned(case.name, self.plan.request.seed) for case in cases)
        session = Session(subject, attempts, stop_at_failure=True, boot_limit_s=limit_s)
        if session in known.issued:
            return []
        report = known.report(subject)
        if report and (kill_of(report, control) or is_finished(report, cases)):
            return []  # resumed behind it; one that was interrupted in the middle has all its attempts again
        if self.is_budget_over():
            self.over_budget.add(mutant.name)
            return []
        self.over_budget.discard(mutant.name)
        build = Build(subject)
        if mutant.has_own_build and not known.is_over(build):
            return [build] if build not in known.issued else []
        if mutant.has_own_build and not (report and is_built(report)):
            return []
        return [session]

    def _is_killed(self, variant: Variant, number: int, known: Known) -> bool:
        report = known.report(subject_of(self.plan, variant, number))
        return report is not None and kill_of(report, known.report(control_of(self.plan, variant))) is not None


def control_of(plan: Plan, variant: Variant) -> Subject:
    """The kernel with all mutants, none of them switched on."""
    kernel = replace(plan.kernel(variant), mutants=plan.mutants)
    return Subject(kernel, Role.MUTATED, f"{variant.name}.{Role.MUTATED.value}")


def subject_of(plan: Plan, variant: Variant, number: int) -> Subject:
    """The same kernel with a mutant switched on, or with a mutant that cannot be switched applied."""
    mutant = plan.mutants[number - 1]
    kernel = replace(control_of(plan, variant).kernel, own_mutant=mutant.name if mutant.has_own_build else "")
    delays = tuple(f"vma_delay.{point}={us}" for point, us in mutant.delays if plan.request.delays)
    return Subject(kernel, Role.MUTATED, f"{variant.name}.{mutant.name}", number, delays)


def why_not_run(mutant: Mutant, plan: Plan, on: Sequence[str]) -> str:
    """Why a mutant is not tested on any of these kconfigs; empty if it is."""
    wanted = plan.request.only_mutants
    if wanted and mutant.name not in wanted:
        return "not asked for"
    if not wanted and mutant.observable is not Observable.YES:
        return f"{mutant.observable.value}: {mutant.argument}"
    if not any({*mutant.kconfig.split("+"), "base"} <= {*name.split("+"), "base"} for name in on):
        return f"needs kconfig {mutant.kconfig}"
    return ""


def cases_in_order(cases: Sequence[Case], mutant: Mutant, learned: Sequence[Learned] = ()) -> list[Case]:
    """The cases that the mutant's header names, one after the other and repeated; then those that are known to execute
    its function, most often first; then the others."""
    named = [case for name in mutant.cases for case in cases if case.name == name]
    rates = {one.case: dict(one.rates).get(mutant.function, 0.0) for one in learned}
    others = [case for case in cases if case not in named]
    return [*named * NAMED_ATTEMPTS, *sorted(others, key=lambda case: -rates.get(case.name, 0.0))]


def _boot_limit_s(control: SuiteReport) -> float:
    boot_s = next((stage.time_s for stage in control.stages if stage.stage == BOOT), 0.0)
    return max(BOOT_LEAST_S, BOOT_FACTOR * boot_s)
