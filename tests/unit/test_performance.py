"""The question of --perf, on simulated kernels, and what it makes of attempts."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from orchestrator.evidence.cost.measured import sentence, words
from orchestrator.judge.performance import pairs, with_performance
from orchestrator.model.attempt import Planned
from orchestrator.model.job import Build, Session
from orchestrator.model.outcome import Outcome
from orchestrator.model.performance import Interval, Judged, Word
from orchestrator.model.report import Finding, Metric, StageResult, Subtest
from orchestrator.model.request import Baseline, Request
from orchestrator.model.subject import Subject
from orchestrator.parse.results.instructions import AT, BYTES, MARKS, counted_subtests
from orchestrator.questions.performance import MOST_PAIRS, Performance
from orchestrator.roots import BUILT_IN
from tests.unit.simulated import PASSED, World, plan

PATCHED, BASE = "base.patched", "base.baseline"
REQUEST = Request(perf=True, baseline=Baseline.ALWAYS)


class Kernels:
    """Instructions of two metrics: each guest has its own level, which differs by `noise`."""

    def __init__(self, shift: float, noise: float) -> None:
        self.shift, self.noise = shift, noise

    def __call__(self, subject: Subject, planned: Planned, draw: random.Random) -> Finding:
        factor = 1 + self.shift if subject.name == PATCHED else 1.0
        subtests = tuple(
            Subtest(
                name,
                Outcome.PASS,
                metrics=(Metric(name, 1000 * of * draw.gauss(1, self.noise), "instructions/op"),),
            )
            for name, of in (("fault", factor), ("fork", 50.0))
        )
        return replace(PASSED, case=planned.case, seed=planned.seed, subtests=subtests)


def measured(shift: float, noise: float, most: int = 100) -> tuple[World, dict[str, Judged]]:
    left = iter(range(most))
    of = plan(REQUEST, cases=("perf",))
    world = World(of, Kernels(shift, noise)).ask(Performance(of, lambda: next(left, None) is None))
    suites = with_performance(list(world.reports.values()), REQUEST.margin, REQUEST.error)
    return world, {one.name: one for suite in suites for one in suite.performance}


def order(world: World) -> list[str]:
    return [job.subject.name for job in world.done if isinstance(job, Session)]


def test_both_kernels_take_turns_in_fresh_guests_with_the_same_seeds() -> None:
    world, _ = measured(0.0, 0.0)
    assert order(world)[:8] == [BASE, PATCHED, PATCHED, BASE, BASE, PATCHED, PATCHED, BASE]
    sessions = [job for job in world.done if isinstance(job, Session)]
    assert all(len(job.attempts) == 1 for job in sessions)
    seeds = {name: [job.attempts[0].seed for job in sessions if job.subject.name == name] for name in (PATCHED, BASE)}
    assert seeds[PATCHED] == seeds[BASE] == list(range(1, 1 + len(seeds[BASE])))
    assert len(set(sessions)) == len(sessions)


def test_it_ends_when_the_intervals_are_narrow_or_with_the_budget() -> None:
    assert len(order(measured(0.02, 0.0001)[0])) == 14, "7 pairs: two metrics share the error"
    assert len(order(measured(0.02, 0.2, most=9)[0])) == 18
    assert len(order(measured(0.0, 0.5, most=1000)[0])) == 2 * MOST_PAIRS


@pytest.mark.parametrize(
    ("shift", "word"),
    [(0.02, Word.SLOWER), (0.10, Word.SLOWER), (-0.05, Word.FASTER), (0.0, Word.NO_DIFFERENCE)],
)
def test_what_was_seeded_is_found_and_nothing_else(shift: float, word: Word) -> None:
    _, found = measured(shift, 0.001)
    assert found["fault"].word is word
    assert found["fork"].word is Word.NO_DIFFERENCE


def test_nothing_is_said_of_kernels_that_vary_too_much() -> None:
    _, found = measured(0.01, 0.3, most=12)
    assert {one.word for one in found.values()} == {Word.INCONCLUSIVE}


def test_kernels_of_several_configurations_share_the_budget() -> None:
    left = iter(range(8))
    of = plan(REQUEST, cases=("perf",), kconfigs=("base", "debug"))
    world = World(of, Kernels(0.0, 0.2)).ask(Performance(of, lambda: next(left, None) is None))
    assert {name: order(world).count(name) for name in set(order(world))} == dict.fromkeys(
        (BASE, PATCHED, "debug.baseline", "debug.patched"), 4
    )


def test_what_is_said_of_all_metrics_in_a_sentence() -> None:
    one = Judged("fault", Word.SLOWER, 9, 0.01, None, 0.004, 0.035, 0.003, False, shift=0.02)
    same = replace(one, name="fork", word=Word.NO_DIFFERENCE)
    open_ = replace(one, name="exec", word=Word.INCONCLUSIVE)
    assert sentence([same, one, open_, same]) == (
        "slower: fault (+2.02 %); no difference larger than 1 %: 2 metrics; inconclusive: 1 metric"
    )
    assert sentence([]) == "nothing was measured: no pair of guests came to its end"


def test_a_kernel_that_does_not_build_ends_it() -> None:
    of = plan(REQUEST, cases=("perf",))
    broken = StageResult("build", Outcome.FAIL, 1.0, is_patch_fault=True)
    world = World(of, Kernels(0, 0), stages={PATCHED: broken}).ask(Performance(of, lambda: False))
    assert order(world) == []
    assert sum(isinstance(job, Build) for job in world.done) == 2


def test_a_half_that_is_missing_makes_no_pair() -> None:
    world, _ = measured(0.0, 0.0)
    found, base = world.reports[PATCHED], world.reports[BASE]
    missing = replace(base, attempts=base.attempts[1:])
    assert len(pairs(found, missing)["fault"]) == len(pairs(found, base)["fault"]) - 1


def test_instructions_lie_between_a_subtests_marks() -> None:
    def subtest(name: str, operations: float, outcome: Outcome = Outcome.PASS) -> Subtest:
        return Subtest(name, outcome, metrics=(Metric("operations", operations, "events"),))

    executed = {
        MARKS[0]: 1000,
        MARKS[1]: 21_000,
        MARKS[2]: 22_000,
        MARKS[4]: 5,
        MARKS[5]: 105,
        MARKS[6]: 9,
        MARKS[7]: 8,
    }
    subtests = [subtest("a", 100), subtest("b", 10), subtest("c", 10, Outcome.FAIL), subtest("d", 10), subtest("e", 1)]
    found = counted_subtests(subtests, executed)
    assert found[0].metrics[-1] == Metric("a", 200.0, "instructions/op")
    assert [len(one.metrics) for one in found] == [2, 1, 1, 1, 1], "without both marks, failed, and marks out of order"


def test_the_program_and_the_tool_agree_on_the_marks() -> None:
    header = (BUILT_IN / "testcases/perf/marks.h").read_text()
    assert f"MARKS_AT {AT:#x}ul" in header
    assert f"MARK_BYTES {BYTES}\n" in header
    assert f"MARKS_MAX {len(MARKS)}\n" in header


def test_what_is_said_of_a_metric() -> None:
    one = Judged("fault", Word.SLOWER, 9, 0.01, Interval(0.02, 0.019, 0.021, 0.05), 0.004, 0.035, 0.003, False)
    assert words(one) == "fault: slower, +2.02 % (+1.92 % to +2.12 %; 9 pairs, p 0.035; could have seen 0.3 %)"
    same = replace(one, word=Word.NO_DIFFERENCE, interval=Interval(0.0, -0.001, 0.001, 0.05), p_adjusted=1.0)
    assert words(same).startswith("fault: no difference larger than 1 %, +0.00 % (-0.10 % to +0.10 %;")
    few = replace(one, word=Word.INCONCLUSIVE, pairs=3, interval=None, smallest=None, shift=0.02, least=9)
    assert words(few) == "fault: inconclusive, +2.02 % so far (too few for an interval: 3 of at least 9 pairs)"
    assert words(replace(one, word=Word.INCONCLUSIVE, drifts=True)).endswith("; the base drifts)")
