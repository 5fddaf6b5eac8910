"""Does the series break anything that works without it?

The kernel with the series is tested first. Whatever fails is then run again in pairs, with the series and without it,
in random order and with fresh seeds, until judge.compare has settled it or the budget is used up. Pure, but for the
clock that it is given.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from orchestrator.judge.compare import CERTAIN_STAGES, failing
from orchestrator.judge.first_bad import first_bad_patch, regressed_cases
from orchestrator.judge.signature import signature
from orchestrator.model.attempt import Planned
from orchestrator.model.job import Build, CompareBuilds, Configure, Job, MakePrograms, Session, StaticChecks
from orchestrator.model.kernel import Role, Variant
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import BOOT, PROGRAMS, Comparison, SuiteReport
from orchestrator.model.request import Baseline, Plan
from orchestrator.model.subject import Subject, baseline, patched
from orchestrator.parse.patches.series import first_patches
from orchestrator.questions.builds import compiled
from orchestrator.questions.first_test import compares, first_test, is_built, is_done
from orchestrator.questions.question import Known

BOOT_FACTOR = 8  # how much longer than a boot that came up another may take before it counts as hung
BOOT_LEAST_S = 20.0
MOST_IN_VAIN = 5  # pairs one after the other that say nothing
FIRST_BAD = 100_000  # sessions that look for the first bad patch are counted from here


@dataclass(frozen=True)
class Regression:
    """`is_budget_over` says whether another pair may begin."""

    plan: Plan
    is_budget_over: Callable[[], bool]

    def next(self, known: Known) -> Sequence[Job]:
        """First tests of all kernels under test, one after the other; then what is open between each kernel and its
        base."""
        tested = [*self._tested()]
        for subject in tested:
            jobs = first_test(self.plan, subject, known)
            if any(job not in known.issued for job in jobs) or not is_done(subject, known):
                return jobs
        checks = static_checks(self.plan) if self.plan.request.each_patch else []
        if any(not known.is_over(job) for job in checks):
            return checks
        return self._compare(tested, known) or self._compare_builds(known)

    def _compare(self, tested: Sequence[Subject], known: Known) -> list[Job]:
        """The next jobs that say whose fault failures are; none when that is settled."""
        if self.plan.request.baseline is Baseline.NEVER or self.plan.request.freeze:
            return []
        for subject in tested:
            if subject.role in (Role.PATCHED, Role.PER_PATCH):
                jobs = self._ask_base(subject, baseline(subject.kernel), known)
                if any(not known.is_over(job) for job in jobs):
                    return jobs
        return self._find_first_bad(known) if self.plan.request.each_patch else []

    def _compare_builds(self, known: Known) -> list[Job]:
        """Last: the base is built by then, if anything asked for it."""
        if not self.plan.request.cost or self.plan.request.freeze or not self.plan.series:
            return []
        built = (subjects(self.plan, variant)[0] for variant in self.plan.variants)
        reports = ((subject, known.report(subject)) for subject in built)
        return [CompareBuilds(subject) for subject, report in reports if report and is_built(report)]

    def _find_first_bad(self, known: Known) -> list[Job]:
        """Another run behind a patch, until it is certain enough which patch broke a case."""
        for variant in self.plan.variants:
            tested = [*per_patch(self.plan, variant), subjects(self.plan, variant)[0]]
            reports = [report for report in map(known.report, tested) if report]
            if len(reports) != len(tested) or not all(map(known.is_at_rest, tested)):
                continue
            for case in regressed_cases(reports[-1]):
                at = first_bad_patch(reports[:-1], reports[-1], case, self.plan.request.error)
                if isinstance(at, int) and not self.is_budget_over():
                    attempts = (Planned(case, self.plan.request.seed + len(reports[at].attempts)),)
                    return [Session(tested[at], attempts, FIRST_BAD + len(known.of(tested[at])))]
        return []

    def _tested(self) -> Iterator[Subject]:
        """The kernels under test, and with --baseline always their bases; those of single patches come last."""
        for variant in self.plan.variants:
            subject, *base = subjects(self.plan, variant)
            yield subject
            if self.plan.request.baseline is Baseline.ALWAYS:
                yield from base
        if self.plan.request.each_patch:
            for variant in self.plan.variants:
                yield from per_patch(self.plan, variant)

    def _ask_base(self, subject: Subject, base: Subject, known: Known) -> list[Job]:
        """What is open between the two kernels after their first tests."""
        found, other = known.report(subject), known.report(base)
        if found is None:
            return []
        for stage in found.stages:
            if (
                stage.stage in CERTAIN_STAGES
                and stage.outcome.is_bad
                and (stage.is_patch_fault or stage.is_request_fault)
            ):
                return [Configure(base) if stage.stage == "configure" else Build(base)]
        open_cases = [case for case in failing(found, other) if not _is_settled(found, case)]
        if not open_cases or not is_built(found):
            return []
        if other is None or not known.is_over(MakePrograms(base)):
            return [MakePrograms(base)]
        if not _has_programs(other):
            return []
        if not known.is_over(Build(base)) and not set(open_cases).issubset(other.without_guest):
            return [Build(base)]
        if any(known.has_made_nothing(one, _pairs_of(one, known)) for one in (subject, base)):
            return []
        open_cases = [
            case for case in open_cases if not _is_skipped(other, case) and not _is_in_vain(found, other, case)
        ]
        number = 1 + _last_pair(found, other)
        has_guests = is_built(other) and not any(stage.is_end for stage in other.stages)
        cases = [case for case in open_cases if case != BOOT and (has_guests or case in other.without_guest)]
        # by itself, and in turn: it may stay open for ever
        if BOOT in open_cases and is_built(other) and (number % 2 or not cases):
            cases = [BOOT]
        if not cases or not known.is_at_rest(base) or self.is_budget_over():
            return []
        return self._pair(subject, base, cases, number, found)

    def _pair(
        self, subject: Subject, base: Subject, cases: Sequence[str], number: int, found: SuiteReport
    ) -> list[Job]:
        """One run of each case on both kernels, in an order and with a seed drawn for this pair."""
        draw = random.Random(f"{self.plan.request.seed} {subject.name} {number}")
        attempts = tuple(Planned(case, draw.getrandbits(63), number) for case in cases)
        limit_s = _boot_limit_s(found) if BOOT in cases else None
        pair: list[Job] = [Session(one, attempts, number, boot_limit_s=limit_s) for one in (subject, base)]
        draw.shuffle(pair)
        return pair


def subjects(plan: Plan, variant: Variant) -> tuple[Subject, ...]:
    """The kernel under test, and its base, if that is another kernel that is made."""
    if plan.request.build_only:
        return (compiled(plan, variant),)
    kernel = plan.kernel(variant)
    return (patched(kernel), baseline(kernel)) if plan.series else (baseline(kernel),)


def per_patch(plan: Plan, variant: Variant) -> tuple[Subject, ...]:
    """The kernels behind each patch of the series but the last, in the order of the patches."""
    series = plan.series
    if series is None or plan.request.build_only:
        return ()
    kernel = plan.kernel(variant)
    return tuple(
        Subject(replace(kernel, series=first_patches(series, count)), Role.PER_PATCH, f"{variant.name}.patch-{count}")
        for count in range(1, len(series.patches))
    )


def static_checks(plan: Plan) -> list[Job]:
    """Static checks of each patch, on the first variant only: the next would hardly differ."""
    variant = plan.variants[0]
    subjects_behind = [*per_patch(plan, variant), subjects(plan, variant)[0]]
    before = [baseline(plan.kernel(variant)), *subjects_behind]
    return [StaticChecks(subject, last.kernel) for subject, last in zip(subjects_behind, before, strict=False)]


def _is_settled(report: SuiteReport, case: str) -> bool:
    comparison = _comparison(report, case)
    return comparison is not None and comparison.is_settled


def _comparison(report: SuiteReport, case: str) -> Comparison | None:
    if case == BOOT:
        return next((stage.comparison for stage in report.stages if stage.stage == BOOT), None)
    return next((result.comparison for result in report.cases if result.case == case), None)


def _has_programs(report: SuiteReport) -> bool:
    return any(stage.stage == PROGRAMS and not stage.outcome.is_bad for stage in report.stages)


def _is_skipped(base: SuiteReport, case: str) -> bool:
    """Whether the base cannot run a case: then more runs on it say nothing."""
    found = [
        finding.outcome is Outcome.SKIP or finding.is_not_built for finding in base.attempts if finding.case == case
    ]
    return bool(found) and all(found)


def _is_in_vain(found: SuiteReport, base: SuiteReport, case: str) -> bool:
    """Whether one half or the other said nothing in each of the last pairs: the next one hardly will."""
    pairs = sorted({finding.pair for finding in found.attempts if finding.case == case and finding.pair})
    telling = [
        {finding.pair for finding in report.attempts if finding.case == case and signature(finding) is not None}
        for report in (found, base)
    ]
    return len(pairs) >= MOST_IN_VAIN and telling[0].isdisjoint(telling[1].intersection(pairs[-MOST_IN_VAIN:]))


def _pairs_of(subject: Subject, known: Known) -> list[Session]:
    return [job for job in known.of(subject) if isinstance(job, Session) and compares(job)]


def _last_pair(*reports: SuiteReport) -> int:
    return max((finding.pair for report in reports for finding in report.attempts), default=0)


def _boot_limit_s(report: SuiteReport) -> float | None:
    """The limit for boots that are compared. What boots has done so quickly, and what hangs keeps hanging."""
    booted = [found.time_s for found in report.attempts if found.case == BOOT and not found.outcome.is_bad]
    return max(BOOT_LEAST_S, BOOT_FACTOR * max(booted)) if booted else None
