"""Mutants against the suite: for each kconfig one kernel that carries them all, then a boot for each mutant.

A mutant is judged until its first kill: the cases that its header names come first and have several tries, for a race
needs luck; then all others, then the next kconfig. A mutant that was killed on one kconfig is not tried on the next.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from orchestrator import host_time
from orchestrator.build.mutants import parameter
from orchestrator.context import Context
from orchestrator.errors import Interrupted
from orchestrator.events import RunFinished
from orchestrator.evidence.decode import decode_suites
from orchestrator.execution.local import side_by_side
from orchestrator.jobs.boot import GuestSpec
from orchestrator.jobs.build import Built, Sources, make_kernel
from orchestrator.jobs.session import execute
from orchestrator.jobs.track import Stopped, Track
from orchestrator.judge import mutation_run as matrix
from orchestrator.judge import run as report
from orchestrator.judge.attempts import classify
from orchestrator.judge.mutants import Kill, kill_of
from orchestrator.judge.mutation_run import MUTATION_RUN
from orchestrator.model.case import Case
from orchestrator.model.request import Plan, Suite
from orchestrator.model.series import Mutant, Observable
from orchestrator.questions.regression import Pipeline
from orchestrator.record import MutationRecord, finish, load, save

BOOT_FACTOR = 8  # how much longer than the control's a mutant's boot may take before it counts as hung
BOOT_LEAST_S = 20.0
TRIES = 3  # of the cases that a mutant's header names; what it survives three times it mostly survives for good
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class MutationRun:
    """A plan with mutants in a run directory."""

    context: Context
    plan: Plan
    run_dir: Path
    sources: Sources
    _writing: threading.Lock = field(default_factory=threading.Lock)  # of the mutation run's record

    @property
    def _pipeline(self) -> Pipeline:
        return Pipeline(self.context, self.plan, self.run_dir, self.sources)

    def run(self) -> matrix.MutationReport:
        """Everything, to the matrix and its files."""
        began, started_s = host_time.read(), time.monotonic()
        interrupted = False
        try:
            for suite in self.plan.suites:
                self._hunt_on(suite, started_s)
        except Interrupted:
            interrupted = True
        finish(self.run_dir / report.RUN, began, is_interrupted=interrupted)
        decode = partial(decode_suites, self.context.places, self.context.runner, self.run_dir)
        try:
            judged = matrix.judge(self.run_dir, interrupted=interrupted, decode=decode)
        except Interrupted:  # `orchestrate report` can decode the reports later
            judged = matrix.judge(self.run_dir, interrupted=interrupted)
        matrix.write(judged, self.run_dir)
        found = judged.report
        self.context.emit(RunFinished(found.verdict.value, found.reason, found.time_s, str(self.run_dir)))
        return judged

    def _hunt_on(self, suite: Suite, started_s: float) -> None:
        """All mutants that still live, on one kconfig."""
        self._note()
        made = self._pipeline.run_suite(suite, self.plan.cases)
        track = Track(self.context, self.run_dir / suite.name, suite)
        control = classify(track.record, track.home, self.plan.known)
        if made is None or control.outcome.is_bad:
            return  # what the mutants did would say nothing
        built, spec = made
        self._note(refused=dict(built.refused))
        boot_s = next((stage.time_s for stage in control.stages if stage.stage == "boot"), 0.0)
        spec = replace(spec, boot_limit_s=max(BOOT_LEAST_S, BOOT_FACTOR * boot_s))
        done = kconfigs(self.plan)[: self.plan.suites.index(suite)]  # a kill on a later one is an earlier run's
        rows = matrix.judge(self.run_dir).matrix.rows
        killed = {row.mutant for row in rows if row.kill and row.kill.kconfig in done}
        on = (suite.kconfig.name,)
        runs = [
            partial(self._hunt, number, mutant, replace(suite, mutant=mutant.name), built, spec, started_s)
            for number, mutant in enumerate(self.plan.mutants, 1)
            if not (mutant.name in killed or mutant.name in dict(built.refused) or why_not_run(mutant, self.plan, on))
        ]
        side_by_side(runs, self.plan.request.jobs, self.context.runner.cancel, "mutation")

    def _hunt(self, number: int, mutant: Mutant, suite: Suite, built: Built, spec: GuestSpec, started_s: float) -> None:
        """One mutant on one kconfig, until something notices it. Not when the budget is used up."""
        self.context.runner.cancel.check()
        budget_s = self.plan.request.budget_s
        over = budget_s is not None and time.monotonic() - started_s > budget_s
        self._note(not_run={mutant.name: f"the budget of {budget_s:g} s was used up" if over else ""})
        if over:
            return
        home = self.run_dir / suite.name
        track = Track(self.context, home, suite, self.plan.known)
        cases = in_order(self.plan.cases, mutant)
        delays = [f"vma_delay.{point}={us}" for point, us in mutant.delays if self.plan.request.delays]
        spec = replace(spec, cmdline=(parameter(0 if mutant.has_own_build else number), *delays))
        try:
            if mutant.has_own_build:
                built = make_kernel(self.context, track.stage, self.plan, suite, self.sources, home / "logs")
                spec = replace(spec, kernel=built.kernel)
            track.built(built, self.plan)
            track.settle(
                build_id=built.kernel.build_id,
                programs=spec.programs.digest,
                mutant=str(number),
                delays=" ".join(delays),
            )
            # resumed behind it; one that was interrupted in the middle has all its tries again
            if track.finished_cases.issuperset(case.name for case in cases) or self._kill(track):
                return
            with ExitStack() as guests:
                guest = track.stage("boot", lambda: self._pipeline.boot(track, spec, guests))
                if not self._kill(track):  # the boot may have said enough
                    execute(
                        self.context, spec, cases, built.config, self.plan.request, suite.name, guest, track,
                        stop_at_failure=True,
                    )  # fmt: skip
        except Stopped:
            pass
        kill = self._kill(track)
        words = f"killed by {kill.case} in {kill.guest_s:.0f} s: {kill.evidence}" if kill else "not noticed"
        self.context.say(f"{suite.name}: {words}")

    def _kill(self, track: Track) -> Kill | None:
        return kill_of(classify(track.record, track.home, self.plan.known))

    def _note(self, *, not_run: Mapping[str, str] = NOTHING, refused: Mapping[str, str] = NOTHING) -> None:
        """Begin the mutation run's record, or add to it. An empty reason takes an earlier one back."""
        path = self.run_dir / MUTATION_RUN
        with self._writing:
            record = load(MutationRecord, path) if path.exists() else self._begun()
            reasons = {**dict(record.not_run), **not_run}
            record = replace(
                record,
                not_run=tuple((name, why) for name, why in reasons.items() if why),
                refused=tuple({**dict(record.refused), **refused}.items()),
            )
            save(record, path)

    def _begun(self) -> MutationRecord:
        return MutationRecord(
            mutants=self.plan.mutants,
            kconfigs=kconfigs(self.plan),
            cases=tuple(case.name for case in self.plan.cases),
            not_run=tuple(
                (mutant.name, why_not_run(mutant, self.plan, kconfigs(self.plan))) for mutant in self.plan.mutants
            ),
        )


def kconfigs(plan: Plan) -> tuple[str, ...]:
    return tuple(suite.kconfig.name for suite in plan.suites)


def why_not_run(mutant: Mutant, plan: Plan, on: Sequence[str]) -> str:
    """Why a mutant is not judged on any of these kconfigs; empty when it is."""
    wanted = plan.request.only_mutants
    if wanted and mutant.name not in wanted:
        return "not asked for"
    if not wanted and mutant.observable is not Observable.YES:
        return f"{mutant.observable.value}: {mutant.argument}"
    if not any({*mutant.kconfig.split("+"), "base"} <= {*name.split("+"), "base"} for name in on):
        return f"needs kconfig {mutant.kconfig}"
    return ""


def in_order(cases: Sequence[Case], mutant: Mutant) -> list[Case]:
    """The cases that the mutant's header expects to notice it, one after the other and again, then the others."""
    named = [case for name in mutant.cases for case in cases if case.name == name]
    return [*named * TRIES, *(case for case in cases if case not in named)]
