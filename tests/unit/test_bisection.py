"""Bisection with a reproducer that may pass by chance, simulated from the first run to the answer."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.judge.bisection import BadCommit, RunNext, Tally, next_step


@dataclass(frozen=True)
class Bisected:
    found: BadCommit
    runs: int
    commits: int  # that were run


def bisect(
    commits: Sequence[Tally | None],
    first_bad: int,
    rate: float,
    rng: random.Random,
    *,
    known: bool = True,
    confidence: float = 0.95,
    new_commit_cost: float = 10.0,
) -> Bisected:
    tried, runs = list(commits), 0
    while isinstance(
        step := next_step(tried, rate if known else None, confidence, new_commit_cost),
        RunNext,
    ):
        commit = tried[step.index]
        assert commit is not None, "a commit was run that cannot be tested"
        failed = step.index >= first_bad and rng.random() < rate
        tried[step.index] = Tally(commit.fails + failed, commit.passes + (not failed))
        runs += 1
        assert runs < 5000, "endless"
    return Bisected(step, runs, sum(commit is not None and commit.runs > 0 for commit in tried))


@pytest.mark.parametrize("commits", [1, 2, 3, 16, 100])
def test_what_always_fails_is_bisected_as_git_does(commits: int) -> None:
    for first_bad in range(commits):
        result = bisect([Tally()] * commits, first_bad, 1.0, random.Random(0))
        assert result.found == BadCommit(first_bad, first_bad, pytest.approx(1))
        assert result.runs == result.commits <= math.ceil(math.log2(commits))


@pytest.mark.parametrize(
    ("rate", "known", "repeats"),
    [(0.8, True, 100), (0.5, True, 100), (0.5, False, 100), (0.2, True, 50), (0.2, False, 50)],
)
def test_the_first_bad_commit_is_found_with_the_confidence_that_is_claimed(
    rate: float, known: bool, repeats: int
) -> None:
    rng, right, commits = random.Random(7), 0, 32
    for _ in range(repeats):
        first_bad = rng.randrange(commits)
        right += bisect([Tally()] * commits, first_bad, rate, rng, known=known).found.index == first_bad
    assert right / repeats >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / repeats)


def test_taking_a_single_pass_for_good_would_be_wrong_most_of_the_time() -> None:
    """What the posterior is there for: the same reproducer, believed to fail always."""
    rng, right, commits = random.Random(7), 0, 32
    for _ in range(100):
        low, high = -1, commits - 1
        first_bad = rng.randrange(commits)
        while high - low > 1:
            middle = (low + high) // 2
            failed = middle >= first_bad and rng.random() < 0.5
            low, high = (low, middle) if failed else (middle, high)
        right += high == first_bad
    assert right < 50


def test_runs_are_repeated_where_a_kernel_is_built_already() -> None:
    """A build that costs as much as 50 runs is made about as often as by git; one that costs nothing, more often."""
    spent = {}
    for cost in (0, 50):
        rng = random.Random(11)
        results = [bisect([Tally()] * 64, rng.randrange(64), 0.3, rng, new_commit_cost=cost) for _ in range(20)]
        spent[cost] = (sum(one.runs for one in results), sum(one.commits for one in results) / len(results))
    assert spent[0][0] < spent[50][0]
    assert spent[50][1] < math.log2(64) + 1.5 < spent[0][1]


def test_commits_that_cannot_be_tested_leave_a_range() -> None:
    commits: list[Tally | None] = [Tally()] * 16
    commits[6:9] = [None] * 3
    for first_bad in (6, 7, 8, 9):
        found = bisect(commits, first_bad, 0.7, random.Random(first_bad)).found
        assert (found.first, found.index) == (6, 9)
    found = bisect(commits, 5, 0.7, random.Random(5)).found
    assert (found.first, found.index) == (5, 5)


def test_nothing_testable_before_the_bad_end_is_an_answer() -> None:
    assert next_step([None, None, Tally()], None, 0.95) == BadCommit(0, 2, pytest.approx(1))
    assert next_step([Tally()], None, 0.95) == BadCommit(0, 0, 1)


def test_the_bad_end_must_fail_first_where_no_rate_is_known() -> None:
    tried = [Tally()] * 7 + [Tally(passes=4)]
    assert next_step(tried, None, 0.95) == RunNext(7)
    assert next_step(tried, 0.1, 0.95) != RunNext(7)
    tried[7] = Tally(fails=1, passes=4)
    assert next_step(tried, None, 0.95) != RunNext(7)


def test_a_failing_run_is_proof_and_a_passing_one_is_not() -> None:
    assert next_step([Tally(passes=1), Tally(fails=1)], 0.5, 0.95) == RunNext(0)
    assert next_step([Tally(fails=1), Tally()], 0.5, 0.95) == BadCommit(0, 0, 1)
    # the bad commit would have passed five times with a probability of 1/32, a good one with 1
    assert next_step([Tally(passes=5), Tally()], 0.5, 0.95) == BadCommit(1, 1, pytest.approx(32 / 33))
    # one failure outweighs any number of passes on the same commit
    assert next_step([Tally(fails=1, passes=50), Tally()], 0.5, 0.95) == BadCommit(0, 0, 1)


def test_what_makes_no_sense() -> None:
    for tried in ([], [Tally(), None]):
        with pytest.raises(ValueError, match="bad end"):
            next_step(tried, None, 0.95)
    for rate, confidence in ((0.0, 0.95), (1.1, 0.95), (0.5, 1.0)):
        with pytest.raises(ValueError, match="makes no sense"):
            next_step([Tally()], rate, confidence)
    with pytest.raises(ValueError, match="rules out"):
        next_step([Tally(1, 1), Tally()], 1.0, 0.95)


@given(
    st.lists(st.none() | st.builds(Tally, st.integers(0, 3), st.integers(0, 30)), max_size=20),
    st.builds(Tally, st.integers(0, 5), st.integers(0, 30)),
    st.none() | st.floats(0.01, 0.99),
)
def test_any_history_has_a_next_step(before: list[Tally | None], bad_end: Tally, rate: float | None) -> None:
    tried = [*before, bad_end]
    step = next_step(tried, rate, 0.95)
    earliest_failure = next((index for index, commit in enumerate(tried) if commit and commit.fails), len(before))
    if isinstance(step, RunNext):
        assert tried[step.index] is not None
        assert step.index < earliest_failure or (rate is None and step.index == len(before)), "nothing to learn there"
    else:
        assert 0.95 <= step.confidence <= 1 + 1e-9
        assert 0 <= step.first <= step.index <= earliest_failure
        assert all(commit is None for commit in tried[step.first : step.index])
