"""A world without guests: kernels that are built and run by nobody, and whose attempts are drawn.

What a job leaves is what the real one would leave in its journal: stages and attempts of its subject. A question cannot
tell the difference.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from orchestrator.judge.attempts import case_results
from orchestrator.judge.run import with_comparisons
from orchestrator.judge.signature import signature
from orchestrator.model.attempt import Planned
from orchestrator.model.case import Case, Needs
from orchestrator.model.job import Build, Configure, HostTest, Job, MakePrograms, Session, StaticChecks
from orchestrator.model.kernel import Fragment, Kconfig, Source
from orchestrator.model.machine import Machine
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import BOOT, PROGRAMS, CaseResult, Comparison, Finding, StageResult, SuiteReport
from orchestrator.model.request import Plan, Request
from orchestrator.model.series import Patch, Series
from orchestrator.model.subject import Subject
from orchestrator.questions.first_test import is_built
from orchestrator.questions.question import Known, Question
from orchestrator.runs.record import KernelRecord

PASSED = Finding("", Outcome.PASS, Outcome.PASS, "", 1.0)
FAILED = replace(PASSED, outcome=Outcome.FAIL, run_outcome=Outcome.FAIL, message="exit status 3")
CRASHED = replace(PASSED, outcome=Outcome.CRASH, run_outcome=Outcome.CRASH, message="panic")
NOT_EXERCISED = replace(PASSED, outcome=Outcome.NOT_EXERCISED, message="did not exercise")
SKIPPED = replace(PASSED, outcome=Outcome.SKIP, run_outcome=Outcome.SKIP, message="lacks it")
HOST_LOST = replace(PASSED, outcome=Outcome.ERROR, run_outcome=Outcome.ERROR, is_host_fault=True)
NOT_BUILT = replace(FAILED, message="it.c:3: error", is_not_built=True)
BROKEN = StageResult("build", Outcome.FAIL, 9.0, "mm/mmap.c:1: error", is_patch_fault=True)
NO_PROGRAMS = StageResult(PROGRAMS, Outcome.ERROR, 1.0, "the disk is full")
REFUSED = StageResult("configure", Outcome.ERROR, 1.0, "no CONFIG_X", is_request_fault=True)
HUNG = StageResult(BOOT, Outcome.CRASH, 30.0, "did not finish", is_patch_fault=True)
LIMIT = 2000  # jobs: a question that asks for more does not end

Show = Callable[[Subject, Planned, random.Random], Finding]  # what an attempt shows


def kconfig(name: str = "base") -> Kconfig:
    return Kconfig(name, (Fragment(name, Path(f"{name}.config"), ((f"CONFIG_{name.upper()}", "y"),)),))


def case(name: str, duration_s: float = 5.0) -> Case:
    return Case(name, "", Path(name), (), (), duration_s, 10.0, Needs(), ())


def series(count: int = 1) -> Series:
    patches = tuple(
        Patch(f"{n:04d}.patch", f"mm: {n}", b"", f"{n:064x}", ("mm/vma.c",), n, count) for n in range(count)
    )
    return Series("fix", patches, "0" * 64)


def plan(
    request: Request | None = None,
    *,
    cases: Sequence[str | Case] = ("a",),
    kconfigs: Sequence[str] = ("base",),
    patches: int | None = 1,
    slots: int = 1,
) -> Plan:
    """`patches` None: the base alone."""
    machine = Machine("q35", "x86_64", "qemu-system-x86_64", (), "bzImage", "virtio", (), 2, 1024)
    made = tuple(one if isinstance(one, Case) else case(one) for one in cases)
    of_patches = None if patches is None else series(patches)
    return Plan(request or Request(), Source(), of_patches, tuple(map(kconfig, kconfigs)), made, machine, slots)


@dataclass(frozen=True)
class Rates:
    """How often attempts show something, by the subject's name and the case; the rest pass."""

    rates: dict[tuple[str, str], float]
    shown: Finding = FAILED

    def __call__(self, subject: Subject, planned: Planned, draw: random.Random) -> Finding:
        return self.shown if draw.random() < self.rates.get((subject.name, planned.case), 0.0) else PASSED


class World:
    """Kernels, and everything that has been done with them. By subject `stages` are those that end badly, and `unbuilt`
    the cases whose programs its tree does not build."""

    def __init__(
        self,
        plan: Plan,
        show: Show,
        *,
        seed: int = 1,
        stages: dict[str, StageResult] | None = None,
        boots: Callable[[Subject, random.Random], bool] = lambda subject, draw: True,
        unbuilt: dict[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.plan, self._show, self.stages, self._boots = plan, show, stages or {}, boots
        self._unbuilt = unbuilt or {}
        # what attempts show does not hang on how many other jobs there are
        self._draw, self._order = random.Random(seed), random.Random(seed + 1)
        self.reports: dict[str, SuiteReport] = {}
        self.done: list[Job] = []

    def ask(self, question: Question, *, stop_after: int = LIMIT) -> World:
        """Until it has no more, or so many jobs were done: then as if we had been killed. The order in which jobs that
        are under way together end is drawn."""
        issued: set[Job] = set()
        ended: set[Job] = set()
        pending: list[Job] = []
        running: list[Job] = []
        count = 0
        while True:
            found = [job for job in question.next(self.known(issued, ended)) if job not in issued]
            issued.update(found)
            pending += found
            while pending and len(running) < self.plan.slots:
                running.append(pending.pop(0))
            if not running or count == stop_after:
                assert count < LIMIT, "it does not come to an end"
                return self
            job = running.pop(self._order.randrange(len(running)))
            self.perform(job)
            ended.add(job)
            count += 1

    def known(self, issued: Iterable[Job], ended: Iterable[Job]) -> Known:
        jobs = frozenset(issued)
        begun = {job.subject.name for job in jobs}

        @cache  # nothing changes before the next job
        def reports(names: frozenset[str]) -> dict[str, SuiteReport]:
            found = [report for name, report in self.reports.items() if name in names]
            return {one.name: one for one in with_comparisons(found, self.plan.request.error)}

        def report(subject: Subject) -> SuiteReport | None:
            return reports(frozenset({subject.name, *begun})).get(subject.name)

        return Known(jobs, frozenset(ended), report)

    def perform(self, job: Job) -> None:
        """What the job leaves. A job whose subject has failed before leaves nothing."""
        self.done.append(job)
        subject = job.subject
        self.reports.setdefault(
            subject.name, SuiteReport(subject.name, subject.kernel.kconfig.name, subject.role, (), (), "")
        )
        bad = self.stages.get(subject.name)
        match job:
            case HostTest():
                self._stage(subject, StageResult(job.test, Outcome.PASS, 1.0))
            case StaticChecks():
                self._stage(subject, StageResult("static-checks", Outcome.PASS, 1.0))
            case Configure():
                self._configure(subject, bad)
            case MakePrograms():
                if self._configure(subject, bad):
                    self._make_programs(subject, bad)
            case Build():
                if self._configure(subject, bad):
                    self._stage(subject, bad if bad and bad.stage == "build" else StageResult("build", Outcome.PASS, 9))
            case Session():
                self._hold(job)

    def result(self, name: str, case: str) -> CaseResult:
        """Of a case on the kernel of that name, compared."""
        reports = with_comparisons(list(self.reports.values()), self.plan.request.error)
        suite = next(one for one in reports if one.name == name)
        return next(found for found in suite.cases if found.case == case)

    def comparison(self, name: str = "base.patched", case: str = "a") -> Comparison:
        found = self.result(name, case).comparison
        assert found
        return found

    def sessions(self, name: str) -> list[Session]:
        return [job for job in self.done if isinstance(job, Session) and job.subject.name == name]

    def jobs(self, kind: type, name: str) -> int:
        return sum(isinstance(job, kind) and job.subject.name == name for job in self.done)

    def attempts(self, name: str, case: str = "a") -> list[Finding]:
        return [found for found in self.reports[name].attempts if found.case == case] if name in self.reports else []

    def _configure(self, subject: Subject, bad: StageResult | None) -> bool:
        is_refused = bad is not None and bad.stage == "configure"
        self._stage(subject, bad if bad and is_refused else StageResult("configure", Outcome.PASS, 1.0))
        return not is_refused

    def _make_programs(self, subject: Subject, bad: StageResult | None) -> bool:
        is_ended = bad is not None and bad.stage == PROGRAMS
        self._stage(subject, bad if bad and is_ended else StageResult(PROGRAMS, Outcome.PASS, 1.0))
        without = self._unbuilt.get(subject.name, ())
        self.reports[subject.name] = replace(self.reports[subject.name], without_guest=without)
        return not is_ended

    def _hold(self, job: Session) -> None:
        subject = job.subject
        if not self._make_programs(subject, self.stages.get(subject.name)):
            return
        unbuilt = self._unbuilt.get(subject.name, ())
        if job.attempts and all(planned.pair and planned.case in unbuilt for planned in job.attempts):
            for planned in job.attempts:
                self._add(subject, NOT_BUILT, planned)
            return
        is_shared = subject.kernel.mutants and not subject.kernel.own_mutant
        assert is_shared or is_built(self.reports[subject.name]), "guests need a kernel"
        if job.attempts and all(planned.case == BOOT for planned in job.attempts):
            for planned in job.attempts:
                came_up = self._boots(subject, self._draw)
                self._add(subject, replace(PASSED if came_up else CRASHED, time_s=2.0), planned)
            return
        report = self.reports[subject.name]
        has_booted = any(stage.stage == BOOT and not stage.is_end for stage in report.stages) or bool(report.cases)
        came_up = self._boots(subject, self._draw)
        self._stage(subject, StageResult(BOOT, Outcome.PASS, 2.0) if came_up else HUNG)
        if not came_up and not has_booted:
            return
        for planned in job.attempts:
            shown = self._show(subject, planned, self._draw) if came_up else replace(HOST_LOST, is_host_fault=False)
            shown = NOT_BUILT if planned.case in unbuilt else shown
            self._add(subject, shown, planned)
            if job.stop_at_failure and signature(shown):
                return

    def _add(self, subject: Subject, shown: Finding, planned: Planned) -> None:
        report = self.reports[subject.name]
        number = 1 + sum(found.case == planned.case for found in report.attempts)
        found = replace(shown, case=planned.case, pair=planned.pair, seed=planned.seed, number=number)
        attempts = (*report.attempts, found)
        self.reports[subject.name] = replace(report, attempts=attempts, cases=case_results(attempts))

    def _stage(self, subject: Subject, stage: StageResult) -> None:
        report = self.reports[subject.name]
        record = KernelRecord(report.name, report.kconfig, report.role, "", stages=report.stages)
        self.reports[subject.name] = replace(report, stages=record.with_stage(stage).stages)
