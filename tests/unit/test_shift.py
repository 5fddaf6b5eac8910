"""The Hodges-Lehmann shift and its interval, against enumeration and published tables, and by simulation."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

import pytest

from orchestrator.judge.shift import (
    LEAST_PAIRS,
    drifts,
    interval,
    is_narrow_enough,
    judge,
    p_value,
    signed_rank_counts,
    walsh_averages,
)
from orchestrator.model.performance import Interval, Word


@pytest.mark.parametrize("n", range(1, 11))
def test_the_distribution_is_the_one_that_enumeration_counts(n: int) -> None:
    counts = [0] * (n * (n + 1) // 2 + 1)
    for signs in itertools.product((0, 1), repeat=n):
        counts[sum(rank for rank, sign in enumerate(signs, 1) if sign)] += 1
    assert signed_rank_counts(n) == tuple(counts)


@pytest.mark.parametrize(("n", "critical"), [(6, 0), (7, 2), (8, 3), (9, 5), (10, 8), (12, 13), (15, 25), (20, 52)])
def test_intervals_are_cut_where_the_tables_of_the_test_say(n: int, critical: int) -> None:
    """Two-sided, 5 %: the largest sum of ranks that rejects."""
    values = [float(value) for value in range(1, n + 1)]
    averages = walsh_averages(values)
    found = interval(values, 0.05)
    assert found is not None
    assert (found.low, found.high) == (averages[critical], averages[-critical - 1])
    assert found.error <= 0.05


def test_fewer_than_six_pairs_have_no_interval_of_95_percent() -> None:
    assert interval([0.1] * (LEAST_PAIRS - 1), 0.05) is None
    assert interval([0.1] * LEAST_PAIRS, 0.05) is not None
    assert interval([], 0.05) is None


def test_the_shift_is_the_median_of_the_walsh_averages() -> None:
    assert walsh_averages([1.0, 2.0, 6.0]) == [1.0, 1.5, 2.0, 3.5, 4.0, 6.0]
    found = interval([1.0, 2.0, 6.0], 0.9)
    assert found is not None
    assert found.shift == 2.75


def exact_p(values: Sequence[float]) -> float:
    """By all signings of the same sizes."""
    sizes = [abs(value) for value in values]
    ranks = [sum(other < size for other in sizes) + (sizes.count(size) + 1) / 2 for size in sizes]
    centre = sum(ranks) / 2
    seen = abs(sum(rank for rank, value in zip(ranks, values, strict=True) if value > 0) - centre)
    all_signs = list(itertools.product((0, 1), repeat=len(values)))
    as_far = sum(
        abs(sum(rank for rank, sign in zip(ranks, signs, strict=True) if sign) - centre) >= seen - 1e-9
        for signs in all_signs
    )
    return as_far / len(all_signs)


def test_p_is_exact_without_ties_and_never_too_small_with_them() -> None:
    draw = random.Random(1)
    for _ in range(30):
        values = [draw.gauss(0.5, 1) for _ in range(9)]
        assert p_value(values) == pytest.approx(exact_p(values))
    assert p_value([1.0] * 8) == pytest.approx(2 / 2**8)
    assert p_value([0.0] * 8) == 1.0
    assert p_value([]) == 1.0


def test_an_interval_holds_no_shift_exactly_when_the_test_does_not_reject_it() -> None:
    draw = random.Random(2)
    for _ in range(200):
        values = [draw.gauss(0.6, 1) for _ in range(10)]
        found = interval(values, 0.05)
        assert found is not None
        assert (found.low <= 0 <= found.high) == (p_value(values) > 0.05)


def test_a_difference_is_claimed_where_the_interval_excludes_0() -> None:
    """Of nine metrics, eight of which certainly differ: the word of the ninth is the one that its interval shows."""
    weak = [(100.0, 100.0 * math.exp(at / 1000)) for at in (-19, -17, -10, *range(1, 18))]
    (alone,) = judge([("weak", weak)], 0.001, 0.05)
    assert (alone.word, alone.p_adjusted) == (Word.SLOWER, alone.p)
    certain = [(f"certain{number}", [(100.0, 105.0 + at / 100) for at in range(20)]) for number in range(8)]
    among, *others = judge([("weak", weak), *certain], 0.001, 0.05)
    assert among.interval is not None
    assert among.interval.low < 0 < among.interval.high
    assert (among.word, among.p_adjusted) == (Word.INCONCLUSIVE, pytest.approx(9 * alone.p))
    assert {one.word for one in others} == {Word.SLOWER}


def test_drift() -> None:
    assert drifts([float(value) for value in range(6)])
    assert drifts([float(-value) for value in range(8)])
    assert not drifts([1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0])
    assert not drifts([5.0] * 10)
    assert not drifts([1.0, 2.0, 3.0, 4.0, 5.0]), "too few to say"
    draw = random.Random(3)
    assert sum(drifts([draw.random() for _ in range(12)]) for _ in range(1000)) <= 15


def pairs(draw: random.Random, n: int, shift: float, spread: float) -> list[tuple[float, float]]:
    """Of a metric around 1000 per operation: each pair has its own level, which both arms share."""
    found = []
    for _ in range(n):
        level = 1000 * math.exp(draw.gauss(0, 5 * spread))
        found.append((level, level * (1 + shift) * math.exp(draw.gauss(0, spread))))
    return found


def words(shift: float, spread: float, n: int, margin: float, runs: int = 300, seed: int = 1) -> dict[Word, float]:
    draw = random.Random(seed)
    found = [judge([("m", pairs(draw, n, shift, spread))], margin, 0.05)[0].word for _ in range(runs)]
    return {word: found.count(word) / runs for word in Word}


def test_no_difference_is_claimed_wrongly_in_one_of_twenty_at_the_most() -> None:
    found = words(0.0, 0.01, 10, 0.005, runs=1000)
    assert found[Word.SLOWER] + found[Word.FASTER] <= 0.065


def test_seeded_differences_are_found_and_named() -> None:
    assert words(0.02, 0.002, 10, 0.01)[Word.SLOWER] > 0.97, "the trend test is wrong in 1 %"
    assert words(0.10, 0.01, 10, 0.01)[Word.SLOWER] > 0.97
    assert words(-0.10, 0.01, 10, 0.01)[Word.FASTER] > 0.97
    assert words(0.0, 0.002, 10, 0.01)[Word.NO_DIFFERENCE] > 0.97
    assert words(0.0, 0.1, 10, 0.01)[Word.NO_DIFFERENCE] == 0, "nobody can tell"


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    draw = random.Random(4)
    for n in (6, 8, 12):
        held = 0
        for _ in range(1000):
            found = interval([draw.gauss(0.02, 0.01) for _ in range(n)], 0.05)
            assert found is not None
            held += found.low <= 0.02 <= found.high
        assert held / 1000 >= 0.94, n


def test_what_could_have_been_seen_is_seen_in_four_of_five_runs() -> None:
    draw = random.Random(5)
    for n in (8, 12, 20):
        found = seen = 0.0
        for _ in range(300):
            (one,) = judge([("m", pairs(draw, n, 0.0, 0.01))], 0.0001, 0.05)
            assert one.smallest is not None
            found += one.smallest / 300
        for _ in range(300):
            (one,) = judge([("m", pairs(draw, n, found, 0.01))], 0.0001, 0.05)
            seen += (one.word is Word.SLOWER) / 300
        assert 0.72 <= seen <= 0.97, (n, found, seen)


def test_of_many_metrics_a_wrong_claim_about_any_stays_as_rare() -> None:
    draw = random.Random(6)
    wrong = 0
    for _ in range(300):
        found = judge([(str(at), pairs(draw, 12, 0.0, 0.01)) for at in range(6)], 0.0001, 0.05)
        wrong += any(one.word in (Word.SLOWER, Word.FASTER) for one in found)
    assert wrong / 300 <= 0.075


def test_a_trend_that_is_certain_and_too_small_to_matter_hides_no_slowdown() -> None:
    creeping = [(1000.0 + 0.1 * at, 1100.0 + 0.1 * at) for at in range(10)]
    (found,) = judge([("m", creeping)], 0.01, 0.05)
    assert (found.drifts, found.word) == (False, Word.SLOWER)


def test_of_many_metrics_that_do_not_drift_one_is_said_to_in_one_run_of_a_hundred() -> None:
    draw = random.Random(7)
    said = 0
    for _ in range(400):
        made = judge([(str(at), [(draw.gauss(1000, 20), 1000.0) for _ in range(12)]) for at in range(9)], 0.001, 0.05)
        said += any(one.drifts for one in made)
    assert said / 400 <= 0.025


@pytest.mark.parametrize(("metrics", "least"), [(1, 6), (2, 7), (9, 9)])
def test_how_many_pairs_an_interval_needs_is_known_before(metrics: int, least: int) -> None:
    for n in (least - 1, least):
        found = judge([(str(at), [(1000.0, 1020.0)] * n) for at in range(metrics)], 0.01, 0.05)
        assert {(one.least, one.interval is not None) for one in found} == {(least, n == least)}
        assert all(one.shift == pytest.approx(math.log(1.02)) for one in found), "said, however few there are"


def test_what_drifts_gets_no_verdict() -> None:
    rising = [(1000.0 + 10 * at, 1200.0 + 10 * at) for at in range(10)]
    (found,) = judge([("m", rising)], 0.01, 0.05)
    assert (found.drifts, found.word) == (True, Word.INCONCLUSIVE)


def test_exact_counts_are_settled_with_six_pairs() -> None:
    """Instructions hardly vary: equal values are no reason to divide by zero."""
    (same,) = judge([("m", [(1000.0, 1000.0)] * 6)], 0.01, 0.05)
    assert (same.word, same.interval) == (Word.NO_DIFFERENCE, Interval(0.0, 0.0, 0.0, 2 / 64))
    (more,) = judge([("m", [(1000.0, 1020.0)] * 6)], 0.01, 0.05)
    assert (more.word, more.smallest) == (Word.SLOWER, 0.0)


def test_more_pairs_are_asked_for_until_the_interval_is_narrow() -> None:
    def narrow(values: Sequence[float]) -> bool:
        return is_narrow_enough([(1.0, math.exp(value)) for value in values], 0.01, 0.05)

    assert not narrow([0.0] * 5)
    assert narrow([0.0] * 6)
    assert not narrow([0.1, -0.1, 0.2, -0.3, 0.1, 0.0])
    assert narrow([0.5, 0.501, 0.499, 0.5, 0.5, 0.5]), "that is no claim about the shift"
