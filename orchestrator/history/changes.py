"""Where a series of measurements changes its level. Pure, from the standard library, the same answer every time.

The rule, as docs/dashboard.md has it:

1. Ranks, so that one wild value weighs as much as any other. At each place with at least `SIDE` values on both sides
   the sum of the ranks in front is compared with what it would be if the order meant nothing (Mann and Whitney's test),
   in standard deviations. The place where that is largest is the candidate, if it is `LEAST` or more.
2. The largest of many figures is large by chance. So the values are put into `ORDERS` random orders, and the candidate
   is believed only if none of them has a place that is as remarkable: a permutation test, exact for ties and for any
   distribution, with an error of 1 / (ORDERS + 1) = 1 % for a series that does not change and whose values are
   independent of each other.
3. The change is the median of all differences between a value behind and one in front (Hodges and Lehmann), with Mann
   and Whitney's interval of 95 %. It is told if its nearer end is at least `MARGIN` of the level in front.
4. Both parts are looked at in the same way, up to the next candidate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate, pairwise
from math import ceil, comb, floor, inf, isfinite, sqrt
from operator import itemgetter
from random import Random
from statistics import median

SIDE = 5  # values on each side of a change
LEAST = 4.0  # standard deviations
ORDERS = 99
MARGIN = 0.01
WINDOW = 100  # values: the latest ones of a longer series
_Z = 1.959964


@dataclass(frozen=True)
class Change:
    """`at` is the index of the first value behind it. `shift` is how much the level rose, `low` to `high` its interval
    of 95 %, in the unit of the values; `before` the median in front, since the change before."""

    at: int
    before: float
    shift: float
    low: float
    high: float

    def relative(self, value: float) -> float | None:
        """A shift as a share of the level before; None where that is 0, or next to it."""
        share = value / abs(self.before) if self.before else inf
        return share if isfinite(share) else None


@dataclass(frozen=True)
class Level:
    """Values from index `begin` to before `end` that have no change among them: their median with its interval of
    95 %, which needs at least 6 values (None)."""

    begin: int
    end: int
    middle: float
    low: float | None
    high: float | None


def changes(values: Sequence[float]) -> tuple[Change, ...]:
    """The changes of a series in the order of time, in its own order. Values are finite."""
    ats = sorted(_splits(values, 0, len(values)))
    edges = [0, *ats, len(values)]
    found = []
    for number, at in enumerate(ats):
        front, behind = values[edges[number] : at], values[at : edges[number + 2]]
        shift, low, high = _shift(front, behind)
        level = median(front)
        if min(abs(low), abs(high)) >= MARGIN * abs(level) and low * high > 0:
            found.append(Change(at, level, shift, low, high))
    return tuple(found)


def levels(values: Sequence[float], found: Sequence[Change]) -> tuple[Level, ...]:
    """The levels between the changes."""
    edges = [0, *(one.at for one in found), len(values)]
    return tuple(Level(begin, end, *_middle(values[begin:end])) for begin, end in pairwise(edges) if begin < end)


def _splits(values: Sequence[float], begin: int, end: int) -> Iterator[int]:
    at = _split(values[begin:end])
    if at:
        yield from _splits(values, begin, begin + at)
        yield begin + at
        yield from _splits(values, begin + at, end)


def _split(values: Sequence[float]) -> int:
    """Where a part changes most; 0 where it does not change."""
    if len(values) < 2 * SIDE:
        return 0
    ranks = _ranks(values)
    at, height = _highest(ranks)
    if height < LEAST * _spread(ranks):
        return 0
    return 0 if any(_highest(order(ranks))[1] >= height for order in _orders(len(ranks))) else at


@lru_cache(maxsize=16)  # a page has drawings of one length
def _orders(count: int) -> tuple[itemgetter[tuple[float, ...]], ...]:
    """What puts `count` values into random orders, the same each time."""
    order, random, found = list(range(count)), Random(0), []
    for _ in range(ORDERS):
        random.shuffle(order)
        found.append(itemgetter(*order))
    return tuple(found)


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks around 0, those of equal values averaged."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    first = 0
    while first < len(order):
        last = first
        while last + 1 < len(order) and values[order[last + 1]] == values[order[first]]:
            last += 1
        for at in range(first, last + 1):
            ranks[order[at]] = (first + last) / 2 - (len(values) - 1) / 2
        first = last + 1
    return ranks


def _spread(ranks: Sequence[float]) -> float:
    """One standard deviation of a rank, such that _highest is in its unit."""
    return sqrt(sum(rank * rank for rank in ranks) / (len(ranks) - 1)) or 1.0


def _highest(ranks: Sequence[float]) -> tuple[int, float]:
    """The place where the sum of the ranks in front is farthest from 0, and how far, for one standard deviation of a
    rank."""
    sums = list(accumulate(ranks))[SIDE - 1 : len(ranks) - SIDE]
    heights = [abs(total) * weight for total, weight in zip(sums, _weights(len(ranks)), strict=True)]
    height = max(heights)
    return heights.index(height) + SIDE, height


@cache
def _weights(count: int) -> tuple[float, ...]:
    """The variance of a sum of `at` of `count` ranks, without replacement, is at (count - at) / count ranks'."""
    return tuple(sqrt(count / (at * (count - at))) for at in range(SIDE, count - SIDE + 1))


def _shift(front: Sequence[float], behind: Sequence[float]) -> tuple[float, float, float]:
    """Hodges and Lehmann's estimate with Mann and Whitney's interval of 95 %."""
    found = sorted(new - old for new in behind for old in front)
    many = len(found)
    half = _Z * sqrt(many * (len(front) + len(behind) + 1) / 12)
    left = max(0, floor(many / 2 - half))
    return median(found), found[left], found[many - 1 - left]


def _middle(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """The median, and the order statistics that it lies between with 95 %, whatever the distribution is."""
    ranked = sorted(values)
    left = _left(len(ranked))
    if left is None:
        return median(ranked), None, None
    return median(ranked), ranked[left], ranked[-1 - left]


@cache
def _left(count: int) -> int | None:
    """How many values may be left out on each side."""
    share, left = 0.0, -1
    while left + 1 < ceil(count / 2):
        share += comb(count, left + 1) / 2**count
        if share > 0.025:
            break
        left += 1
    return left if left >= 0 else None
