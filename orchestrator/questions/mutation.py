"""Does the suite notice when the series is wrong? For each variant one kernel with all mutants, then a guest for each
mutant, with that one switched on.

A mutant is tested until its first kill. The cases that its header names come first, with several attempts, because a
race needs luck; then all others, then the next variant. A mutant that was killed on one variant is not tested on the
next.

There are two rounds: each mutant meets its most promising cases before any meets its others. Most kills come early, and
a budget that ends in the second round has told something about every mutant.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.judge.mutants import kill_of
from orchestrator.judge.unexecuted import executions
from orchestrator.model.attempt import Planned
from orchestrator.model.case import Case
from orchestrator.model.coverage import Coverage
from orchestrator.model.job import Build, Job, Session
from orchestrator.model.kernel import Role, Variant
from orchestrator.model.report import BOOT, SuiteReport
from orchestrator.model.request import WRITTEN_S, Plan
from orchestrator.model.selection import Learned
from orchestrator.model.series import Mutant, Observable
from orchestrator.model.subject import Subject, patched
from orchestrator.parse.code.relevance import words_in_common, words_of_diff
from orchestrator.parse.patches.mutant import files_of
from orchestrator.questions.first_test import is_built, is_finished
from orchestrator.questions.question import Known

BOOT_FACTOR = 8  # how much longer than the control's a mutant's boot may take before it counts as hung
BOOT_LEAST_S = 20.0
NAMED_ATTEMPTS = 3  # of each case that a mutant's header names; a mutant that survives three mostly survives more
FIRST_ROUND_S = 15.0  # of cases; the second round costs a mutant that survives it another boot
AGAIN = 2  # what is added to the number of a round's session when it is repeated


@dataclass(frozen=True)
class Mutation:
    """`refused` are mutants that the kernels turned out not to have, `left_out` those that are not worth a guest on a
    variant (by its name), with reasons. `measures`: the series' own kernel runs the cases first, to see which lines
    they execute; `covered`: where this is known already, by variant. `over_budget` collects those that were not begun,
    or not gone on with. `at_once`: how many are named before one has ended, so that the budget is looked at when a
    guest is free; 0: all."""

    plan: Plan
    is_budget_over: Callable[[], bool]
    refused: Callable[[], Mapping[str, str]]
    left_out: Callable[[str], Mapping[str, str]] = lambda variant: {}
    measures: bool = False
    covered: Mapping[str, Coverage] = field(default_factory=dict)
    over_budget: set[str] = field(default_factory=set)
    at_once: int = 0
    _killed: set[str] = field(default_factory=set)  # subjects, so that they are not judged again with each job

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
        covered = self.covered.get(variant.name)
        if self.measures:
            found = self._unmutated(patched(self.plan.kernel(variant)), known)
            if isinstance(found, list):
                return found
            covered = found.coverage
        report = self._unmutated(control_of(self.plan, variant), known)
        if isinstance(report, list):
            return report
        limit_s, unworthy = _boot_limit_s(report), {*self.refused(), *self.left_out(variant.name)}
        jobs: list[Job] = []
        room = self.at_once - len(known.issued - known.ended) if self.at_once else 2 * len(self.plan.mutants)
        candidates = [
            (mutant, self._rounds(variant, number, limit_s, covered))
            for number, mutant in enumerate(self.plan.mutants, 1)
            if mutant.name not in unworthy
            and not why_not_run(mutant, self.plan, (variant.kconfig.name,))
            and not any(self._is_killed(one, number, known) for one in before)
        ]
        for at in (0, 1):
            for mutant, rounds in candidates:
                if len(jobs) >= room:
                    break
                jobs += self._try(mutant, rounds[: at + 1], known, report) if at < len(rounds) else []
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
        if session not in known.issued and not is_finished(report, session.cases):
            return [session]
        return report if known.is_at_rest(subject) and not report.outcome.is_bad else []

    def _rounds(self, variant: Variant, number: int, limit_s: float, covered: Coverage | None) -> list[Session]:
        mutant, subject = self.plan.mutants[number - 1], subject_of(self.plan, variant, number)
        found = [
            tuple(Planned(case.name, self.plan.request.seed) for case in cases)
            for cases in cases_of_rounds(self.plan, mutant, executions(mutant, covered) if covered else {})
        ]
        return [
            Session(subject, cases, at, stop_at_failure=True, boot_limit_s=limit_s) for at, cases in enumerate(found, 1)
        ]

    def _try(self, mutant: Mutant, rounds: Sequence[Session], known: Known, control: SuiteReport) -> list[Job]:
        """The last of these rounds of one mutant on one kconfig, once more if the host spoilt it; nothing before it can
        begin, or if the budget is used up."""
        *earlier, session = rounds
        subject = session.subject
        if session in known.issued:
            session = replace(session, number=session.number + AGAIN)
        is_first = not earlier and session.number <= AGAIN
        if session in known.issued or subject.name in self._killed or not (is_first or known.is_at_rest(subject)):
            return []
        report = known.report(subject)
        if report and kill_of(report, control):
            self._killed.add(subject.name)
            return []
        if not all(report and is_finished(report, one.cases) for one in earlier):
            return []
        if report and is_finished(report, session.cases):
            return []  # resumed behind it; a round that was interrupted in the middle has all its attempts again
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


def budget_of(plan: Plan) -> float:
    """Of a mutation run, in seconds; 0: it has none. Nobody waits for all cases on each mutant that a program wrote."""
    written_s = WRITTEN_S * len(plan.mutants) if plan.request.generate else 0.0
    return plan.request.budget_s or written_s


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


def cases_of_rounds(plan: Plan, mutant: Mutant, counts: Mapping[str, int]) -> list[list[Case]]:
    """First those that the mutant's header names, or as many as take FIRST_ROUND_S; then the others, if there are any.
    `counts`: how often each executes the statements that the mutant changes; empty where nobody knows."""
    cases = cases_in_order(plan.cases, mutant, plan.learned, counts)
    ends_s = itertools.accumulate(plan.request.duration_s or case.duration_s for case in cases)
    named = sum(case.name in mutant.cases for case in cases)
    count = named or 1 + sum(end_s < FIRST_ROUND_S for end_s in ends_s)
    return [part for part in (cases[:count], cases[count:]) if part]


def cases_in_order(
    cases: Sequence[Case], mutant: Mutant, learned: Sequence[Learned] = (), counts: Mapping[str, int] | None = None
) -> list[Case]:
    """The cases that the mutant's header names, one after the other and repeated; then the others. Of those, where it
    is known which execute the statements that it changes (`counts`: how often), only they, those that do it most often
    in a second first; else first those that are known to execute its function, and of equals those that are named as
    what it changes."""
    named = [case for name in mutant.cases for case in cases if case.name == name]
    others = [case for case in cases if case not in named]
    if counts and (able := [case for case in others if counts.get(case.name)]):
        others = sorted(able, key=lambda case: -counts[case.name] / case.duration_s)
    else:
        rates = {one.case: dict(one.rates).get(mutant.function, 0.0) for one in learned}
        words = words_of_diff(mutant.diff, files_of(mutant.diff))
        others.sort(key=lambda case: (-rates.get(case.name, 0.0), -words_in_common(case, words)))
    return [*named * NAMED_ATTEMPTS, *others]


def _boot_limit_s(control: SuiteReport) -> float:
    boot_s = next((stage.time_s for stage in control.stages if stage.stage == BOOT), 0.0)
    return max(BOOT_LEAST_S, BOOT_FACTOR * boot_s)
