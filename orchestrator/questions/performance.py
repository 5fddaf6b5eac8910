"""Do operations of the kernel cost more with the series than without it?

Both kernels run the same program with the same seed, each time in a fresh guest, one guest at a time: base, series,
series, base, base, ... (ABBA), so that what changes slowly changes both alike. Ends when every metric's interval is
narrow, or with the budget. Pure, but for the clock that it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orchestrator.judge.performance import is_settled
from orchestrator.model.attempt import Planned
from orchestrator.model.job import Build, Job, Session
from orchestrator.model.kernel import Variant
from orchestrator.model.request import Plan
from orchestrator.model.subject import Subject
from orchestrator.questions.first_test import is_built
from orchestrator.questions.question import Known
from orchestrator.questions.regression import subjects

MOST_PAIRS = 60


@dataclass(frozen=True)
class Performance:
    """`is_budget_over` says whether another pair may begin."""

    plan: Plan
    is_budget_over: Callable[[], bool]

    def next(self, known: Known) -> Sequence[Job]:
        builds: list[Job] = [Build(one) for variant in self.plan.variants for one in subjects(self.plan, variant)]
        if not all(map(known.is_over, builds)):
            return builds
        for variant in sorted(self.plan.variants, key=lambda one: self._pairs_of(one, known)):
            jobs = self._measure(variant, known)
            if any(not known.is_over(job) for job in jobs):
                return jobs
        return []

    def _pairs_of(self, variant: Variant, known: Known) -> int:
        """How many are done: the variants take turns, or the first one would use up the budget of all. A pair that is
        under way comes before all others."""
        sessions = [self._sessions(one, known) for one in subjects(self.plan, variant)]
        is_open = not all(known.is_over(job) for of in sessions for job in of)
        return -1 if is_open else min(map(len, sessions))

    def _measure(self, variant: Variant, known: Known) -> list[Job]:
        """The next pair of a variant, or the one that is under way; none when all is known."""
        arms = subjects(self.plan, variant)
        reports = [report for report in map(known.report, arms) if report is not None and is_built(report)]
        sessions = [self._sessions(one, known) for one in arms]
        if len(arms) < 2 or len(reports) < 2 or any(map(known.has_made_nothing, arms, sessions)):
            return []
        if not all(map(known.is_over, [*sessions[0], *sessions[1]])):
            return [*sessions[0], *sessions[1]]
        made, request = len(sessions[0]), self.plan.request
        found, base = reports
        if made >= MOST_PAIRS or self.is_budget_over() or is_settled(found, base, request.margin, request.error):
            return []
        attempts = tuple(Planned(case.name, request.seed + made) for case in self.plan.cases)
        pair = [Session(one, attempts, made + 1) for one in arms]
        return [*(pair if made % 2 else reversed(pair))]

    def _sessions(self, subject: Subject, known: Known) -> list[Job]:
        return [job for job in known.of(subject) if isinstance(job, Session)]
