"""The sequential rule: its bets against direct calculation, its errors, and the answers that it gives."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.judge.sequential import (
    Pair,
    Rule,
    decide,
    more_frequent,
    not_much_more_frequent,
)
from orchestrator.model.report import Answer, Comparison

PAIRS = {
    "b": Pair(patched=True, base=True),
    "s": Pair(patched=True, base=False),
    "f": Pair(patched=False, base=True),
    ".": Pair(patched=False, base=False),
}
REGRESSED = Rule()
FIXED = Rule(seen_with_series=False, seen_on_base=True)
RULES = st.builds(
    Rule,
    alpha=st.sampled_from([0.01, 0.05, 0.2]),
    cases=st.integers(1, 20),
    times=st.integers(2, 9),
    seen_on_base=st.booleans(),
) | st.builds(Rule, cases=st.integers(1, 20), seen_with_series=st.just(False), seen_on_base=st.just(True))
RUNS = st.text("bsf.", max_size=60)


def asked(runs: str, rule: Rule = REGRESSED) -> Comparison:
    return decide([PAIRS[run] for run in runs], rule)


def drawn(patched: float, base: float, pairs: int, rng: random.Random) -> list[Pair]:
    return [Pair(rng.random() < patched, rng.random() < base) for _ in range(pairs)]


# The bets


@pytest.mark.parametrize(("here", "there"), [(0, 0), (1, 0), (0, 1), (5, 0), (9, 2), (3, 8), (40, 25), (300, 0)])
def test_the_closed_form_is_the_integral_that_it_stands_for(here: int, there: int) -> None:
    steps = 20_000  # Simpson's rule over q, the probability that a pair which fails on one side alone fails here

    def gain(step: int) -> float:
        q = 0.5 + 0.5 * step / steps
        return (2 * q) ** here * (2 * (1 - q)) ** there

    inner = sum((4 if step % 2 else 2) * gain(step) for step in range(1, steps))
    spread = (gain(0) + inner + gain(steps)) / (3 * steps)
    never_there = 0 if there else 2**here
    assert float(more_frequent(here, there)) == pytest.approx((never_there + spread) / 2, rel=1e-9)


@pytest.mark.parametrize(("alpha", "needed"), [(0.05, [5, 11, 14, 16]), (0.01, [8, 14, 17, 19])])
def test_how_many_pairs_must_fail_here_alone_when_0_to_3_fail_there_alone(alpha: float, needed: list[int]) -> None:
    assert [
        next(here for here in range(100) if more_frequent(here, there) >= 1 / alpha) for there in range(4)
    ] == needed


@given(st.integers(0, 80), st.integers(0, 80))
def test_a_bet_on_worse_is_fair_at_no_difference_and_follows_the_evidence(here: int, there: int) -> None:
    now, up, down = more_frequent(here, there), more_frequent(here + 1, there), more_frequent(here, there + 1)
    assert (up + down) / 2 == now
    assert down < now < up


@given(
    st.integers(0, 20),
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(2, 9),
    st.fractions(0, 1),
    st.fractions(1, 9),
)
def test_a_bet_on_not_much_worse_never_gains_where_it_is_much_worse(
    both: int, here: int, there: int, times: int, share: Fraction, more: Fraction
) -> None:
    """Failing pairs at a ratio of rates of `times * more`, of which any possible share fails on both sides."""
    ratio = times * more
    on_both = share / ratio
    there_only = (1 / ratio - on_both) / (1 + 1 / ratio)
    here_only = 1 - on_both - there_only
    assert (on_both + here_only) == ratio * (on_both + there_only)
    expected = (
        on_both * not_much_more_frequent(both + 1, here, there, times)
        + here_only * not_much_more_frequent(both, here + 1, there, times)
        + there_only * not_much_more_frequent(both, here, there + 1, times)
    )
    assert expected <= not_much_more_frequent(both, here, there, times)


def test_bets_start_with_their_stake() -> None:
    assert more_frequent(0, 0) == 1
    assert not_much_more_frequent(0, 0, 0, 4) == 1


def ever_reached(alpha: float, pairs: int) -> float:
    """How probable it is that "worse" is claimed within so many pairs that fail on one side alone, at no difference:
    each of them is a fair coin. Exact: all ways to a number of heads, less those that have stopped."""
    ways, reached = {0: 1.0}, 0.0
    for tossed in range(1, pairs + 1):
        after: Counter[int] = Counter()
        for heads, probability in ways.items():
            after[heads] += probability / 2
            after[heads + 1] += probability / 2
        ways = {}
        for heads, probability in after.items():
            if more_frequent(heads, tossed - heads) >= 1 / alpha:
                reached += probability
            else:
                ways[heads] = probability
    return reached


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_looking_after_every_pair_keeps_the_error(alpha: float) -> None:
    assert 0.5 * alpha < ever_reached(alpha, 120) <= alpha


# Errors of the whole rule, with all its ways to stop


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5, 0.9])
def test_no_difference_is_rarely_called_worse(rate: float) -> None:
    rng, repeats = random.Random(rate), 400
    worse = (Answer.REGRESSION, Answer.FLAKY_AND_WORSE)
    wrong = sum(decide(drawn(rate, rate, 200, rng), REGRESSED).answer in worse for _ in range(repeats))
    assert wrong / repeats <= 0.05 + 0.025  # the rule's alpha, and 2.3 standard deviations of the simulation


@pytest.mark.parametrize(("patched", "base"), [(1, 0.25), (0.8, 0.2), (0.2, 0.05), (0.5, 0.05)])
def test_much_worse_is_rarely_called_no_worse(patched: float, base: float) -> None:
    rng, repeats = random.Random(patched), 400
    no_worse = (Answer.PRE_EXISTING, Answer.FLAKY_NO_WORSE)
    decisions = [decide(drawn(patched, base, 200, rng), REGRESSED) for _ in range(repeats)]
    wrong = sum(decision.is_settled and decision.answer in no_worse for decision in decisions)
    assert wrong / repeats <= 0.05 + 0.025


def test_any_of_many_cases_is_rarely_called_worse() -> None:
    rng, cases = random.Random(20), 20
    rule = Rule(cases=cases)
    worse = (Answer.REGRESSION, Answer.FLAKY_AND_WORSE)
    wrong = sum(any(decide(drawn(0.3, 0.3, 100, rng), rule).answer in worse for _ in range(cases)) for _ in range(100))
    assert wrong <= 10  # alpha is 5 of 100; without the correction it is about 60


def test_a_host_that_drifts_does_not_look_like_a_regression() -> None:
    """Both kernels fail in 5 % of the runs at first and in 60 % after 40 runs; the series makes no difference."""
    rng, repeats, wrong = random.Random(40), 400, 0
    for _ in range(repeats):
        pairs = []
        for pair in range(20):
            runs = [rng.random() < 0.05 + 0.55 * (2 * pair + which) / 39 for which in (0, 1)]
            rng.shuffle(runs)
            pairs.append(Pair(*runs))
        wrong += decide(pairs, REGRESSED).answer in (Answer.REGRESSION, Answer.FLAKY_AND_WORSE)
    assert wrong / repeats <= 0.05 + 0.025


# Answers


@pytest.mark.parametrize(
    ("runs", "answer"),
    [
        ("sssss", Answer.REGRESSION),
        ("s.s..s.ss", Answer.REGRESSION),
        ("bsssss", Answer.FLAKY_AND_WORSE),
        ("ssfsssssssss", Answer.FLAKY_AND_WORSE),
        ("bbbb", Answer.PRE_EXISTING),
        (".b.b.b.b", Answer.PRE_EXISTING),
        ("sfbfs.ffsfb.fsfsfffsff", Answer.FLAKY_NO_WORSE),
        ("fffff", Answer.FLAKY_NO_WORSE),
    ],
)
def test_settled(runs: str, answer: Answer) -> None:
    decision = asked(runs)
    assert (decision.answer, decision.is_settled, decision.more_pairs) == (answer, True, None)
    assert decision.p <= REGRESSED.alpha
    assert (decision.patched_failed, decision.base_failed) == (
        runs.count("s") + runs.count("b"),
        runs.count("f") + runs.count("b"),
    )


@pytest.mark.parametrize(
    ("runs", "answer"),
    [
        ("", Answer.INCONCLUSIVE),
        ("....", Answer.INCONCLUSIVE),
        ("ssss", Answer.INCONCLUSIVE),
        ("b", Answer.PRE_EXISTING),
        (".f", Answer.FLAKY_NO_WORSE),
        ("sfb", Answer.FLAKY_NO_WORSE),
        ("ssssb", Answer.INCONCLUSIVE),  # the base shows it as well, but the evidence points at the series
    ],
)
def test_not_settled(runs: str, answer: Answer) -> None:
    decision = asked(runs)
    assert (decision.answer, decision.is_settled) == (answer, False)
    assert decision.p > REGRESSED.alpha


def test_what_was_seen_before_is_existence() -> None:
    assert asked("sssss", Rule(seen_on_base=True)).answer is Answer.FLAKY_AND_WORSE
    assert asked("", Rule(seen_on_base=True)).answer is Answer.PRE_EXISTING
    assert asked("...", Rule(seen_on_base=True)).answer is Answer.FLAKY_NO_WORSE
    assert asked("fffff", FIXED).answer is Answer.FIXED
    assert not asked("ffff", FIXED).is_settled
    assert asked("bbbb", FIXED).answer is Answer.PRE_EXISTING
    assert asked("ffffb", FIXED).answer is Answer.FLAKY_NO_WORSE  # it fails with the series too: not fixed


def test_pairs_behind_the_settling_one_prove_existence() -> None:
    decision = asked("sssssb")
    assert (decision.answer, decision.p) == (Answer.FLAKY_AND_WORSE, asked("sssss").p)
    assert asked("ffffff" + "s", FIXED).answer is Answer.FLAKY_NO_WORSE


def test_more_cases_ask_for_more_of_a_regression_and_not_of_a_clearance() -> None:
    assert not asked("sssss", Rule(cases=2)).is_settled
    assert asked("ssssss", Rule(cases=2)).is_settled
    assert asked("bbbb", Rule(cases=2)).p == asked("bbbb").p


def test_words() -> None:
    assert asked("sssss").words == "failed 5 of 5 with the series and 0 of 5 without (p < 0.05)"
    assert asked("bsssss").words == (
        "failed 6 of 6 with the series and 1 of 6 without: on both, more often with the series (p < 0.05)"
    )
    assert asked("bbbb").words == (
        "failed 4 of 4 with the series and 4 of 4 without: on both, not 4 times as often with the series (p < 0.04)"
    )
    assert asked("s...").words == (
        "failed 1 of 4 with the series and 0 of 4 without: not settled; about 16 more pairs would settle it"
    )
    assert asked("bbb").words == (
        "failed 3 of 3 with the series and 3 of 3 without: on both, not shown to be worse;"
        " about 1 more pair would settle it"
    )
    assert asked("." * 20).words == (
        "failed 0 of 20 with the series and 0 of 20 without: at most 14 % of runs fail on either side (95 % confidence)"
    )
    assert asked("").words == "no pair of runs with and without the series yet"


@pytest.mark.parametrize("pattern", ["s...", "b", ".b.", "f.", "sss.f", "sf"])
def test_more_pairs_at_the_same_rates_settle_it(pattern: str) -> None:
    decision = asked(pattern)
    assert decision.more_pairs is not None
    total = len(pattern) + decision.more_pairs
    settled = next(many for many in range(1, 200) if asked(pattern * many).is_settled) * len(pattern)
    assert total == pytest.approx(settled, abs=2 * len(pattern))


@pytest.mark.parametrize(
    "wrong", [{"alpha": 0.0}, {"alpha": 1.0}, {"cases": 0}, {"times": 1}, {"seen_with_series": False}]
)
def test_rules_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"makes no sense|nothing failed"):
        Rule(**wrong)  # type: ignore[arg-type]


@given(RUNS, RULES)
def test_any_decision(runs: str, rule: Rule) -> None:
    decision = asked(runs, rule)
    assert 0 <= decision.p <= 1
    assert decision.is_settled == (decision.p <= rule.alpha)
    assert decision.pairs == len(runs) >= max(decision.patched_failed, decision.base_failed)
    assert (decision.more_pairs is None) == (decision.is_settled or not set(runs) - {"."})
    assert f"{decision.patched_failed} of {decision.pairs} with" in decision.words or not runs
    if decision.answer is Answer.REGRESSION:
        assert decision.is_settled
        assert not decision.base_failed
    if decision.answer is Answer.FIXED:
        assert decision.is_settled
        assert not decision.patched_failed


@given(RUNS, RUNS, RULES)
def test_what_is_settled_stays_settled(runs: str, more: str, rule: Rule) -> None:
    first, then = asked(runs, rule), asked(runs + more, rule)
    assert not first.is_settled or (then.is_settled and then.p == first.p)


@given(RUNS)
@settings(max_examples=300)
def test_fixed_mirrors_regression(runs: str) -> None:
    mirrored = asked(runs.translate(str.maketrans("sf", "fs")), FIXED)
    decision = asked(runs)
    assert (decision.answer is Answer.REGRESSION) == (mirrored.answer is Answer.FIXED)
    if decision.answer is Answer.REGRESSION:
        assert decision.p == mirrored.p
