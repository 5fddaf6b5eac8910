"""Two extensions, each of them what its one new file would hold: a question and an executor.

Neither is known anywhere else. In the product a question takes one more line where a command asks it
(invocation/running.py), an executor one more line where it is chosen (invocation/executors.py).
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from orchestrator.errors import Interrupted
from orchestrator.execution.local import NextJobs, carry_out
from orchestrator.host.process import Cancel
from orchestrator.judge.verdict import verdict
from orchestrator.model.job import Build, Job, Session
from orchestrator.model.outcome import Verdict
from orchestrator.model.report import BOOT, Answer
from orchestrator.model.request import Plan
from orchestrator.model.subject import Subject
from orchestrator.questions.first_test import is_built
from orchestrator.questions.question import Known, Question
from orchestrator.questions.regression import Regression, subjects
from tests.unit.simulated import BROKEN, Rates, World, plan

# --- a question: does it build and boot?


@dataclass(frozen=True)
class Smoke:
    """Build and boot each kernel under test, and run nothing."""

    plan: Plan

    def next(self, known: Known) -> Sequence[Job]:
        tested = [subjects(self.plan, variant)[0] for variant in self.plan.variants]
        return [job for subject in tested for job in self._of(subject, known)]

    def _of(self, subject: Subject, known: Known) -> list[Job]:
        build, report = Build(subject), known.report(subject)
        if not known.is_over(build) or report is None or not is_built(report):
            return [build]
        return [build, Session(subject, ())]


# --- an executor: one job after the other, in this thread


def one_by_one(next_jobs: NextJobs, perform: Callable[[Job], None], slots: int, cancel: Cancel) -> None:
    """As execution.local.carry_out, without threads: for a debugger, or where the order must always be the same."""
    issued: set[Job] = set()
    ended: set[Job] = set()
    while True:
        cancel.check()
        new = [job for job in next_jobs(issued, ended) if job not in issued]
        issued.update(new)
        if not new:
            return
        for job in new:
            cancel.check()
            perform(job)
            ended.add(job)


def asked(question: Question, world: World, execute: Callable[..., None], cancel: Cancel | None = None) -> World:
    """As questions.ask does it: the question is asked what is next, the executor carries it out."""
    lock = threading.Lock()

    def perform(job: Job) -> None:
        with lock:
            world.perform(job)

    execute(
        lambda issued, ended: question.next(world.known(issued, ended)), perform, world.plan.slots, cancel or Cancel()
    )
    return world


EXECUTORS = (carry_out, one_by_one)


@pytest.mark.parametrize("execute", EXECUTORS)
def test_a_new_question_runs_in_every_executor(execute: Callable[..., None]) -> None:
    made = plan(kconfigs=("base", "debug"), slots=2)
    world = asked(Smoke(made), World(made, Rates({}), stages={"debug.patched": BROKEN}), execute)
    told = {
        name: [stage.stage for stage in report.stages if not stage.is_end] for name, report in world.reports.items()
    }
    assert told == {"base.patched": ["configure", "build", "programs", BOOT], "debug.patched": ["configure"]}
    assert not any(report.attempts for report in world.reports.values())
    found, reason = verdict(tuple(world.reports.values()), False)
    assert found is Verdict.PATCH_AT_FAULT
    assert reason.startswith("debug.patched: build failed")


@pytest.mark.parametrize("execute", EXECUTORS)
def test_an_old_question_gets_the_same_answer_from_a_new_executor(execute: Callable[..., None]) -> None:
    made = plan(cases=("a", "b", "c"), slots=3)
    question = Regression(made, lambda: False)
    world = asked(question, World(made, Rates({("base.patched", "b"): 1.0})), execute)
    assert (world.comparison(case="b").answer, world.comparison(case="b").pairs) == (Answer.REGRESSION, 5)


def test_an_executor_has_one_signature_and_stops_when_it_is_told_to() -> None:
    assert inspect.signature(one_by_one) == inspect.signature(carry_out)
    made, cancel = plan(), Cancel()
    world = World(made, Rates({}))
    cancel.set()
    for execute in EXECUTORS:
        with pytest.raises(Interrupted):
            asked(Smoke(made), world, execute, cancel)
    assert not world.done
