"""From a plan to a report: for each suite base, apply, configure, build, programs, boot, cases; then judge all.

An interrupted run is resumed by running it again in the same directory: products of stages come from the store,
cases that have a record are not run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from orchestrator import host_time
from orchestrator.build.apply import apply
from orchestrator.build.product import Product
from orchestrator.context import Context
from orchestrator.errors import Interrupted
from orchestrator.events import GuestReady, RunFinished
from orchestrator.evidence.decode import decode
from orchestrator.execution.local import side_by_side
from orchestrator.guest.guest import Guest
from orchestrator.jobs import host_test as userspace_vma
from orchestrator.jobs.boot import GuestSpec, boot
from orchestrator.jobs.build import Built, Sources, check_accelerator, make_guest_spec, make_kernel
from orchestrator.jobs.diagnosis import diagnose_boot
from orchestrator.jobs.reproduce import reproduce
from orchestrator.jobs.session import execute
from orchestrator.jobs.track import Stopped, Track
from orchestrator.judge import run as report
from orchestrator.model.case import Case
from orchestrator.model.kernel import Variant
from orchestrator.model.report import RunReport, SuiteReport
from orchestrator.model.request import Baseline, Plan, Suite
from orchestrator.plan import baseline_of, cases_of
from orchestrator.record import finish


@dataclass(frozen=True)
class Pipeline:
    """A plan in a run directory."""

    context: Context
    plan: Plan
    run_dir: Path
    sources: Sources

    def run(self) -> RunReport:
        """Everything, to the report. What fails with the patch is then asked of the base too (--baseline auto)."""
        began = host_time.read()
        interrupted = False
        try:
            self._run_suites([(suite, cases_of(suite, self.plan)) for suite in self.plan.suites])
            ask_base = self.plan.request.baseline is Baseline.AUTO and not self.plan.request.freeze
            if ask_base and self.plan.series is not None:
                self._run_suites(questions_for_base(self.plan, report.judge(self.run_dir).suites))
        except Interrupted:
            interrupted = True
        finish(self.run_dir / report.RUN, began, is_interrupted=interrupted)
        result = report.judge(self.run_dir, interrupted=interrupted)
        with suppress(Interrupted):  # of a run that is stopped `orchestrate report` can decode the reports later
            result = decode(self.context.places, self.context.runner, result, self.run_dir)
        report.write(result, self.run_dir)
        self.context.emit(RunFinished(result.verdict.value, result.reason, result.time_s, str(self.run_dir)))
        return result

    def _run_suites(self, jobs: Sequence[tuple[Suite, Sequence[Case]]]) -> None:
        """Raises what one of them raised, when all have come to rest."""
        works = [partial(self.run_suite, suite, cases) for suite, cases in jobs]
        side_by_side(works, self.plan.request.jobs, self.context.runner.cancel, "suite")

    def run_suite(self, suite: Suite, cases: Sequence[Case]) -> tuple[Built, GuestSpec] | None:
        """One suite, to the end of its cases. None when a stage before them stopped it."""
        context, plan = self.context, self.plan
        track = Track(context, self.run_dir / suite.name, suite, plan.known)
        try:
            check_accelerator(track.stage, self.sources)
            built = make_kernel(context, track.stage, plan, suite, self.sources, track.home / "logs")
            track.built(built, plan)
            self._test_on_host(track, suite, built)
            spec = make_guest_spec(context, track.stage, plan, suite, built, self.sources)
            track.settle(
                build_id=built.kernel.build_id,
                programs=spec.programs.digest,
                accelerator=spec.accel.name,
                machine=spec.machine.name,
                slowdown=f"{spec.slowdown:g}",
            )
            reproduce(plan, suite, built.base, spec, self.run_dir)
            remaining = [case for case in cases if case.name not in track.finished_cases]
            if remaining or suite.variant is Variant.PREFIX:
                with ExitStack() as guests:
                    guest = track.stage("boot", lambda: self.boot(track, spec, guests))
                    execute(context, spec, remaining, built.config, plan.request, suite.name, guest, track)
        except Stopped:
            return None
        return built, spec

    def _test_on_host(self, track: Track, suite: Suite, built: Built) -> None:
        """What needs no guest. Not of a tree with mutants: its code depends on a switch that only a kernel has."""
        if suite.variant is Variant.MUTATED:
            return
        base = apply(self.context, built.base, None).value
        log = track.home / f"logs/{userspace_vma.NAME}.log"
        track.stage(
            userspace_vma.NAME,
            lambda: userspace_vma.userspace_vma(self.context, built.applied, base, built.toolchain, log),
        )

    def boot(self, track: Track, spec: GuestSpec, guests: ExitStack) -> Product[Guest]:
        """A stage: the first guest of a suite, which `guests` closes whatever goes wrong."""
        number, directory = track.next_guest()
        guest, identity = boot(
            self.context,
            spec,
            directory,
            outlives_us=self.plan.request.freeze,
            explain=lambda guest, error: diagnose_boot(self.context, spec, guest, error, track.home),
        )
        guests.callback(guest.close)
        self.context.emit(GuestReady(track.record.name, identity.ready_s, spec.accel.name, number))
        track.facts(release=identity.release, cpus=str(identity.cpus))
        return Product(guest, cached=False, note=f"answered {identity.ready_s:.1f} s after power-on")


def questions_for_base(plan: Plan, suites: Sequence[SuiteReport]) -> list[tuple[Suite, Sequence[Case]]]:
    """What to run on the unpatched kernel: of each patched suite, the cases that failed, or none when it never came
    that far. A series that does not apply says nothing about the base."""
    by_name = {suite.name: suite for suite in plan.suites}
    questions: list[tuple[Suite, Sequence[Case]]] = []
    for found in suites:
        suite = by_name.get(found.name)
        if suite is None or suite.variant is not Variant.PATCHED:
            continue
        # also a guest that never answered: only the base can say whether that is the patch's doing
        stopped = [
            stage
            for stage in found.stages
            # the tests that run on the host have asked the base's sources already
            if stage.outcome.is_bad
            and (stage.is_patch_fault or stage.stage == "boot")
            and stage.stage != userspace_vma.NAME
        ]
        failed = {case.case for case in found.cases if case.outcome.is_bad}
        if any(stage.stage == "apply" for stage in stopped) or not (stopped or failed):
            continue
        cases = [case for case in plan.cases if case.name in failed] or plan.cases[:1]
        questions.append((baseline_of(suite), cases))
    return questions
