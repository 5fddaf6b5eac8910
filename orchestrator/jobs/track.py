"""The live record of one suite: stages are timed, announced and recorded here, cases recorded and judged."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from orchestrator.build.product import Product
from orchestrator.context import Context
from orchestrator.errors import BootFailed, Fault, Interrupted, NoGuest, OrchestrateError, situation
from orchestrator.events import CaseFinished, StageFinished, StageStarted
from orchestrator.jobs.build import Built
from orchestrator.judge.attempts import applicable, classify
from orchestrator.judge.run import utc_now
from orchestrator.model.case_run import CaseRun, Ending
from orchestrator.model.kernel_report import KnownIssue
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import BOOT, CaseResult, StageResult
from orchestrator.model.request import Plan, Suite
from orchestrator.plan import series_of
from orchestrator.record import SuiteRecord, Try, load, save

T = TypeVar("T")


class Stopped(Exception):
    """A stage of this suite has no product; why is in its recorded result."""


class Track:
    """Saved after every step, so that a killed run resumes behind its last one."""

    def __init__(self, context: Context, home: Path, suite: Suite, known: tuple[KnownIssue, ...] = ()) -> None:
        self._context = context
        self._suite = suite
        self._known = known
        self._earlier_s: dict[str, float] = {}
        self.home = home
        path = home / "suite.json"
        earlier = load(SuiteRecord, path) if path.exists() else None
        self.record = earlier or SuiteRecord(suite.name, suite.kconfig.name, suite.variant, utc_now())

    @property
    def finished_cases(self) -> frozenset[str]:
        """Those that a resumed run need not run again."""
        return frozenset(run.case for run in self.record.runs if run.ending is not Ending.NO_GUEST)

    def settle(self, **made_of: str) -> None:
        """Facts about kernel and guest. Cases that a resumed run recorded on others are run again."""
        known = dict(self.record.facts)
        changed = [name for name, value in made_of.items() if known.get(name, value) != value]
        if changed and self.record.numbers:
            self._context.warn(
                f"{self.record.name}: {', '.join(changed)} changed since the interruption: all over again"
            )
            self._save(self.record.all_over())
        self.facts(**made_of)

    def stage(self, name: str, work: Callable[[], Product[T]]) -> T:
        """Do a stage. An error of ours or of the host becomes its result: raises Stopped; Interrupted passes."""
        self._context.emit(StageStarted(self.record.name, name))
        started_s = time.monotonic()
        try:
            product = work()
        except Interrupted:
            raise
        except (OrchestrateError, OSError) as error:
            self._finish(_failure(name, situation(error), time.monotonic() - started_s))
            raise Stopped from error
        time_s = time.monotonic() - started_s
        self._finish(
            StageResult(
                name,
                product.outcome,
                time_s,
                product.note,
                detail=product.detail,
                cached=product.cached,
                subtests=product.subtests,
                is_patch_fault=product.is_patch_fault,
                also_on_base=product.also_on_base,
            )
        )
        return product.value

    def begin(self, made: Try) -> None:
        """A case is about to run. Its files are written anew, so the record of an earlier try of it goes first: an
        interruption must not leave the one without the other. What the earlier tries took stays in the account, and
        what the kernel said meanwhile."""
        for run in self.record.runs:
            if run.case == made.case:
                self._earlier_s[made.case] = run.earlier_s + run.duration_s
        self._save(self.record.without_run(made.case).with_try(made))

    @property
    def known(self) -> tuple[KnownIssue, ...]:
        """What is no news of this suite's kernel."""
        return applicable(self._known, self.record)

    def judge(self, run: CaseRun) -> CaseResult:
        """What a case that has run looks like."""
        cases = classify(self.record.with_run(run), self.home, self._known).cases
        return next(case for case in cases if case.case == run.case)

    def keep(self, run: CaseRun) -> CaseResult:
        """Record a case that has run, and announce what it looks like."""
        run = replace(run, earlier_s=self._earlier_s.get(run.case, 0.0))
        save(run, self.home / "cases" / run.case / "result.json")
        self._save(self.record.with_run(run))
        judged = self.judge(run)
        self._context.emit(CaseFinished(self.record.name, run.case, judged.outcome, judged.time_s, judged.message))
        return judged

    def next_guest(self) -> tuple[int, Path]:
        """The number and directory of the guest that is about to be booted."""
        number = self.record.guests
        self._save(replace(self.record, guests=number + 1))
        return number, self.home / f"guest-{number}"

    def fail_boot(self, error: BootFailed) -> None:
        """The kernel has booted before, and did not when a guest was to be replaced."""
        result = _failure(BOOT, error, 0.0)
        self._finish(
            replace(result, message=f"guest {self.record.guests - 1}, after others had booted: {error.message}")
        )

    def built(self, built: Built, plan: Plan) -> None:
        """Keep the kernel's configuration and what it was made of and with."""
        self.home.mkdir(parents=True, exist_ok=True)  # of a suite whose kernel another one built nothing is there yet
        shutil.copyfile(built.config.path, self.home / "config")
        kernel = built.kernel
        self.facts(
            base=built.base.origin,
            commit=built.base.commit,
            tree=built.applied.tree,
            compiler=kernel.compiler,
            kernel=kernel.release,
            warnings=str(len(kernel.warnings)),
            series=plan.series.digest if plan.series else "",  # of the whole: all suites of a run are about it
            seed=str(plan.request.seed),
            patches=str(len(series.patches) if (series := series_of(self._suite, plan)) else 0),
        )

    def facts(self, **facts: str) -> None:
        """Properties for the report."""
        self._save(self.record.with_facts(**facts))

    def _finish(self, result: StageResult) -> None:
        self._save(self.record.with_stage(result))
        self._context.emit(
            StageFinished(self.record.name, result.stage, result.outcome, result.time_s, result.cached, result.message)
        )

    def _save(self, record: SuiteRecord) -> None:
        self.record = record
        save(record, self.home / "suite.json")


def _failure(name: str, error: OrchestrateError, time_s: float) -> StageResult:
    """Whose fault an error is decides whether it is a failure of the patch or an error of the host."""
    outcome = Outcome.ERROR
    if error.fault is Fault.PATCH:
        outcome = Outcome.CRASH if isinstance(error, BootFailed) else Outcome.FAIL
    return StageResult(
        stage=name,
        outcome=outcome,
        time_s=time_s,
        message=error.message,
        hint=error.hint,
        detail=error.detail,
        is_patch_fault=error.fault is Fault.PATCH,
        is_request_fault=error.fault is Fault.USER,
        examined_at=error.examined_at if isinstance(error, NoGuest) else None,
    )
