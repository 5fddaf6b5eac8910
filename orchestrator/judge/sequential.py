"""Is a failure with the series a regression? A sequential rule over pairs of runs, one with the series and one without,
whose answer may be looked at after each pair. docs/statistics.md says what it claims, why, and how often it is right.

Two bets run side by side: that the failure is more frequent with the series, and that it is not much more frequent.
Each starts with a stake of 1 and expects no gain while its claim is false, whatever came before. So the probability
that it ever reaches 1/alpha is at most alpha (Ville's inequality), whenever and for whatever reason one stops.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import cache
from itertools import count
from math import ceil, comb, floor, log10

from orchestrator.model.report import Answer, Comparison
from orchestrator.words import counted

_ALWAYS_SHARE = Fraction(1, 10)  # of the stake, on "each failing pair fails on both sides"


@dataclass(frozen=True)
class Pair:
    """One run with the series and one without, next to each other, in random order: which of them showed the failure.

    A run that says nothing (skipped, the host at fault) makes no pair.
    """

    patched: bool
    base: bool


@dataclass(frozen=True)
class Rule:
    """How sure an answer must be, and what was seen before the first pair. That is why there are pairs at all: it was
    selected, so it proves that a failure exists and says nothing about its frequency."""

    alpha: float = 0.05  # the probability of a wrong answer that is accepted
    cases: int = 1  # how many failures are asked at once: any of them may be called worse by mistake
    times: int = 4  # "much more frequent": at least so many times as often
    seen_with_series: bool = True
    seen_on_base: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1 or self.cases < 1 or self.times < 2:
            raise ValueError(f"makes no sense: {self}")
        if not (self.seen_with_series or self.seen_on_base):
            raise ValueError("nothing failed: there is nothing to ask")


@dataclass(frozen=True)
class _Tally:
    """How many pairs failed on both sides, and on one alone."""

    both: int = 0
    patched_only: int = 0
    base_only: int = 0

    def plus(self, pair: Pair) -> _Tally:
        return _Tally(
            self.both + (pair.patched and pair.base),
            self.patched_only + (pair.patched and not pair.base),
            self.base_only + (pair.base and not pair.patched),
        )

    @property
    def discordant(self) -> int:
        return self.patched_only + self.base_only

    @property
    def patched_failed(self) -> int:
        return self.both + self.patched_only

    @property
    def base_failed(self) -> int:
        return self.both + self.base_only


class _Claim(Enum):
    WORSE = "it is more frequent with the series"
    NOT_MUCH_WORSE = "it is not `times` times as frequent with the series"
    BETTER = "it is less frequent with the series"


def decide(pairs: Sequence[Pair], rule: Rule) -> Comparison:
    """What the pairs, in the order of their runs, say about one failure.

    The first claim that is settled stays, with its p. Later pairs (of guests that ran at the same time) are counted
    too: a failure in them proves that it exists.
    """
    tally, settled = _Tally(), None
    for pair in pairs:
        tally = tally.plus(pair)
        if settled is None and (pair.patched or pair.base):
            settled = _settled(tally, rule)
    claim, bet = settled or max(_bets(tally, rule), key=lambda bet: bet[1])
    is_settled = settled is not None
    answer = _answer(claim, is_settled, tally, len(pairs), rule)
    p = float(min(Fraction(1), 1 / bet))
    more_pairs = None if is_settled else _more_pairs(tally, len(pairs), rule)
    words = _words(answer, p if is_settled else None, tally, len(pairs), more_pairs, rule)
    return Comparison(answer, is_settled, p, tally.patched_failed, tally.base_failed, len(pairs), words, more_pairs)


@cache
def more_frequent(only_here: int, only_there: int) -> Fraction:
    """What a stake of 1 has become that was bet on a failure being more frequent here than there.

    Where it is not, a pair that fails on one side alone does so here with probability 1/2 at most. Half of the stake is
    bet on "never there", half spread evenly over all probabilities between 1/2 and 1.
    """
    pairs = only_here + only_there
    spread = Fraction(sum(comb(pairs + 1, k) for k in range(only_here + 1)), (pairs + 1) * comb(pairs, only_here))
    never_there = 0 if only_there else 2**only_here
    return (never_there + spread) / 2


@cache
def not_much_more_frequent(both: int, only_here: int, only_there: int, times: int) -> Fraction:
    """What a stake of 1 has become that was bet on a failure being less than `times` times as frequent here as there.

    If it is `times` times as frequent, then of the pairs that fail, 1/times at most fail on both sides; and of those
    that fail on one side alone, 1/(times+1) at most fail there. A tenth of the stake is bet on all failing on both
    sides, which the first other pair ends; the rest on either side being as probable.
    """
    pairs = only_here + only_there
    always = 0 if pairs else times**both
    even = Fraction((times + 1) ** pairs, 2**pairs * times**only_here)
    return _ALWAYS_SHARE * always + (1 - _ALWAYS_SHARE) * even


def _bets(tally: _Tally, rule: Rule) -> tuple[tuple[_Claim, Fraction], tuple[_Claim, Fraction]]:
    """The two claims that compete, with what their stakes have become.

    "Worse" and "better" are claims of a difference: with many failures, one of them may be claimed by chance, so each
    has its share of the stake. A series is cleared only if all its failures are, so "not much worse" shares nothing.
    """
    worse = more_frequent(tally.patched_only, tally.base_only) / rule.cases
    if rule.seen_with_series or tally.patched_failed:
        other = not_much_more_frequent(tally.both, tally.patched_only, tally.base_only, rule.times)
        return (_Claim.NOT_MUCH_WORSE, other), (_Claim.WORSE, worse)
    better = more_frequent(tally.base_only, tally.patched_only) / rule.cases
    return (_Claim.BETTER, better), (_Claim.WORSE, worse)


@cache
def _settled(tally: _Tally, rule: Rule) -> tuple[_Claim, Fraction] | None:
    return next((bet for bet in _bets(tally, rule) if bet[1] >= 1 / rule.alpha), None)


def _answer(claim: _Claim, is_settled: bool, tally: _Tally, pairs: int, rule: Rule) -> Answer:
    with_series = rule.seen_with_series or tally.patched_failed > 0
    on_base = rule.seen_on_base or tally.base_failed > 0
    if is_settled and claim is _Claim.WORSE:
        return Answer.FLAKY_AND_WORSE if on_base else Answer.REGRESSION
    if is_settled and not with_series:
        return Answer.FIXED
    if claim is _Claim.WORSE or not (with_series and on_base):
        return Answer.INCONCLUSIVE
    always_on_both = not tally.discordant and (tally.both or not pairs)
    return Answer.PRE_EXISTING if always_on_both else Answer.FLAKY_NO_WORSE


def _more_pairs(tally: _Tally, pairs: int, rule: Rule) -> int | None:
    """About how many. Whatever the mix of failing pairs is, one of the two bets grows without bound."""
    failing = tally.both + tally.discordant
    if not failing:
        return None

    def grown(more: int) -> _Tally:
        size = Fraction(failing + more, failing)
        return _Tally(round(tally.both * size), round(tally.patched_only * size), round(tally.base_only * size))

    return next(ceil(pairs * Fraction(more, failing)) for more in count(1) if _settled(grown(more), rule))


def _words(answer: Answer, p: float | None, tally: _Tally, pairs: int, more_pairs: int | None, rule: Rule) -> str:
    """`p` is None where nothing is settled."""
    if not pairs:
        return "no pair of runs with and without the series yet"
    counts = f"failed {tally.patched_failed} of {pairs} with the series and {tally.base_failed} of {pairs} without"
    if p is not None:
        no_worse = f": on both, not {counted(rule.times, 'time')} as often with the series"
        claims = {
            Answer.FLAKY_AND_WORSE: ": on both, more often with the series",
            Answer.FLAKY_NO_WORSE: no_worse,
            Answer.PRE_EXISTING: no_worse,
        }
        return f"{counts}{claims.get(answer, '')} (p < {_above(p)})"
    if more_pairs is None:
        percent = ceil(100 * (1 - rule.alpha ** (1 / pairs)))
        return f"{counts}: at most {percent} % of runs fail on either side ({100 * (1 - rule.alpha):.4g} % confidence)"
    unsettled = "not settled" if answer is Answer.INCONCLUSIVE else "on both, not shown to be worse"
    return f"{counts}: {unsettled}; about {more_pairs} more {'pair' if more_pairs == 1 else 'pairs'} would settle it"


def _above(p: float) -> str:
    """The smallest number of one significant digit that is above p."""
    digits = max(1, -floor(log10(p))) if p > 1e-6 else 6
    return f"{(floor(p * 10**digits) + 1) / 10**digits:.{digits}f}"
