"""The bisection question in a world without guests: commits fail at a rate of their own, and git is a straight line."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from orchestrator.model.job import Build, Job, Session
from orchestrator.model.kernel import Role, Source
from orchestrator.model.outcome import Outcome
from orchestrator.model.report import Finding, StageResult, Subtest, SuiteReport
from orchestrator.model.request import Request
from orchestrator.model.subject import Subject
from orchestrator.questions.bisection import MOST_RUNS, Bisection, State
from orchestrator.questions.question import Known
from tests.unit.simulated import plan

COMMITS = [f"{number:04x}" * 10 for number in range(33)]  # 0 is the good end, 32 the bad one
BUILT = StageResult("build", Outcome.PASS, 1.0)
PLAN = replace(plan(patches=None), source=Source("/tree", ""))


def candidates(good: Sequence[str], bad: str) -> tuple[str, ...]:
    first, last = max(COMMITS.index(one) for one in good) + 1, COMMITS.index(bad)
    middle = (first + last - 1) // 2
    return tuple(COMMITS[at] for at in sorted(range(first, last + 1), key=lambda at: abs(at - middle)))


class World:
    """Kernels that are built and run by nobody: what an attempt shows is drawn."""

    def __init__(
        self,
        first_bad: int,
        rate: float,
        seed: int = 1,
        *,
        unbuildable: Sequence[int] = (),
        unguestable: Sequence[int] = (),  # built, and then something that each guest needs cannot be made
        silent: Sequence[int] = (),  # the host spoils each attempt
    ) -> None:
        self._first_bad, self._rate, self._unbuildable = first_bad, rate, unbuildable
        self._unguestable, self._silent = unguestable, silent
        self._draw = random.Random(seed)
        self._reports: dict[str, SuiteReport] = {}
        self.runs = 0
        self.question = Bisection(PLAN, PLAN.variants[0], "case", COMMITS[0], COMMITS[-1], candidates, 8)

    def answer(self) -> str:
        """The answer, or why there is none."""
        issued: set[Job] = set()
        while jobs := self.question.next(Known(issued, issued, self.report)):
            for job in jobs:
                assert job not in issued, "the same job again would give nothing new"
                issued.add(job)
                assert len(issued) < 1000, "it does not come to an end"
                self._do(job)
        result = self.question.result(self.report)
        assert result.open is None
        return result.trouble or " ".join(str(COMMITS.index(one)) for one in sorted(result.suspects))

    def report(self, subject: Subject) -> SuiteReport | None:
        return self._reports.get(subject.name)

    def _do(self, job: Job) -> None:
        commit = COMMITS.index(job.subject.kernel.source.revision)
        name = job.subject.name
        if isinstance(job, Build):
            built = replace(BUILT, outcome=Outcome.FAIL, message="error") if commit in self._unbuildable else BUILT
            self._reports[name] = SuiteReport(name, "base", Role.BISECTED, (built,), (), "")
            return
        assert isinstance(job, Session)
        if commit in self._unguestable:
            stopped = replace(BUILT, stage="programs", outcome=Outcome.ERROR, message="no programs")
            self._reports[name] = replace(self._reports[name], stages=(BUILT, stopped))
            return
        for _ in job.attempts:
            self.runs += 1
            fails = commit >= self._first_bad and self._draw.random() < self._rate
            bad = (Subtest("sub", Outcome.FAIL),)
            outcome = Outcome.FAIL if fails else Outcome.PASS
            finding = Finding("case", outcome, Outcome.PASS, "", 1.0, bad if fails else ())
            if commit in self._silent:
                finding = replace(finding, outcome=Outcome.ERROR, is_host_fault=True)
            self._reports[name] = replace(self._reports[name], attempts=(*self._reports[name].attempts, finding))
            if fails and job.stop_at_failure:
                return


@pytest.mark.parametrize("first_bad", [1, 2, 17, 31, 32])
def test_a_certain_failure_is_found_wherever_it_began(first_bad: int) -> None:
    world = World(first_bad, 1.0)
    assert world.answer() == str(first_bad)


def test_a_failure_that_comes_one_time_in_three_is_mostly_attributed_to_the_right_commit() -> None:
    right = sum(World(11, 0.33, seed).answer() == "11" for seed in range(100))
    assert right >= 90, "5 % of wrong answers are accepted"


def test_a_surer_answer_takes_more_runs() -> None:
    sure, unsure = World(11, 0.33, 5), World(11, 0.33, 5)
    sure.question = replace(sure.question, plan=replace(PLAN, request=Request(error=0.001)))
    assert sure.answer() == unsure.answer() == "11"
    assert sure.runs > unsure.runs


def test_commits_that_do_not_build_are_passed_over_and_named_where_they_hide_it() -> None:
    assert World(11, 1.0, unbuildable=(16, 8)).answer() == "11"
    assert World(11, 1.0, unbuildable=(10, 11)).answer() == "10 11 12"


def test_ends_that_are_none_are_said_to_be_none() -> None:
    assert "the case fails there, too" in World(0, 1.0).answer()
    world = World(33, 1.0)
    assert f"it failed 0 of {MOST_RUNS} times" in world.answer()
    assert "error" in World(5, 1.0, unbuildable=(32,)).answer()


@pytest.mark.parametrize("commit", [32, 0, 16])
def test_a_commit_of_which_no_guest_says_anything_is_not_asked_for_ever(commit: int) -> None:
    for world in (World(11, 1.0, silent=(commit,)), World(11, 1.0, unguestable=(commit,))):
        answer = world.answer()
        assert answer == "11" if commit == 16 else "no programs" in answer or "said nothing" in answer


def test_each_commit_that_was_tried_is_told_with_its_counts() -> None:
    world = World(20, 1.0)
    world.answer()
    tried = world.question.result(world.report).tried
    assert [(one.commit, one.state) for one in tried[:2]] == [(COMMITS[-1], State.BAD), (COMMITS[0], State.GOOD)]
    assert all(one.fails or one.passes for one in tried)
