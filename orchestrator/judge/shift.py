"""By how much one arm differs from the other, from pairs: the Hodges-Lehmann shift, and what can be said of it. Pure.

A pair is one measurement without the series and one with it, in fresh guests, one right after the other. Its value is
ln(with / without): a shift of 0.02 is 2 % more. The shift is the median of all means of two values (Walsh averages);
its interval is the one that Wilcoxon's signed-rank test does not reject, whose distribution is counted exactly. Ties
and zeros make the interval wider than it need be, never narrower.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from orchestrator.model.performance import Interval, Judged, Word

LEAST_PAIRS = 6  # with fewer no interval holds 95 %


@lru_cache(maxsize=256)
def signed_rank_counts(pairs: int) -> tuple[int, ...]:
    """How many of the 2^pairs equally likely signings of the ranks 1 to `pairs` have each sum of positive ranks."""
    counts = [1]
    for rank in range(1, pairs + 1):
        longer = counts + [0] * rank
        for total, count in enumerate(counts):
            longer[total + rank] += count
        counts = longer
    return tuple(counts)


def walsh_averages(values: Sequence[float]) -> list[float]:
    """In ascending order: n (n + 1) / 2 of them."""
    return sorted((values[i] + values[j]) / 2 for i in range(len(values)) for j in range(i, len(values)))


def interval(values: Sequence[float], error: float) -> Interval | None:
    """None where so few values cannot have an interval with so small an error."""
    if not values:
        return None
    n = len(values)
    allowed = error / 2 * 2**n
    below = cut = 0
    for count in signed_rank_counts(n):
        if below + count > allowed:
            break
        below += count
        cut += 1
    if not cut:
        return None
    averages = walsh_averages(values)
    return Interval(median(averages), averages[cut - 1], averages[-cut], 2 * below / 2**n)


def least_pairs(error: float) -> int:
    """With fewer no interval has so small an error, and no difference can be claimed."""
    return 1 + math.ceil(-math.log2(error))


def p_value(values: Sequence[float]) -> float:
    """Of no shift: two-sided, exact. Zeros are left out, and equal sizes share a rank, for which the rank is rounded
    against the claim."""
    nonzero = sorted((value for value in values if value), key=abs)
    n = len(nonzero)
    if not n:
        return 1.0
    doubled = _midranks([abs(value) for value in nonzero])
    positive = sum(rank for rank, value in zip(doubled, nonzero, strict=True) if value > 0)
    extreme = max(positive, n * (n + 1) - positive)
    counts = signed_rank_counts(n)
    return min(1.0, 2 * sum(counts[extreme // 2 :]) / float(2**n))


def _midranks(sizes: Sequence[float]) -> list[int]:
    """Twice the rank of each, of sizes in ascending order."""
    found: list[int] = []
    at = 0
    while at < len(sizes):
        end = at
        while end < len(sizes) and sizes[end] == sizes[at]:
            end += 1
        found += [at + 1 + end] * (end - at)
        at = end
    return found


def drifts(values: Sequence[float], least: float = 0.0, error: float = 0.01) -> bool:
    """Whether a series of measurements of the same has a trend (Mann-Kendall, exact up to ties) that moves it by more
    than `least` from its first to its last: then the order of the arms within a pair matters, and what is said of the
    pairs is not to be trusted. A trend may be certain and too small to matter."""
    n = len(values)
    if n < LEAST_PAIRS or abs(_slope(values)) * (n - 1) <= least:
        return False
    score = sum((values[j] > values[i]) - (values[j] < values[i]) for i in range(n) for j in range(i + 1, n))
    counts = _inversions(n)
    concordant = (abs(score) + n * (n - 1) // 2) // 2
    return bool(2 * sum(counts[concordant:]) <= error * math.factorial(n))


def _slope(values: Sequence[float]) -> float:
    """From each to the next: the median over all pairs of them (Theil-Sen)."""
    n = len(values)
    return median([(values[j] - values[i]) / (j - i) for i in range(n) for j in range(i + 1, n)])


@lru_cache(maxsize=256)
def _inversions(n: int) -> tuple[int, ...]:
    """How many of the orders of n things have each number of inversions."""
    counts = [1]
    for size in range(2, n + 1):
        longer = [0] * (len(counts) + size - 1)
        for total, count in enumerate(counts):
            for more in range(size):
                longer[total + more] += count
        counts = longer
    return tuple(counts)


def smallest_seen(values: Sequence[float], error: float) -> float | None:
    """The smallest shift that as many pairs with this spread show in four of five runs, as a ratio minus 1: about 1.5
    half widths of the interval (simulated, docs/statistics.md)."""
    found = interval(values, error)
    return None if found is None else math.expm1(POWER * found.half_width)


POWER = 1.5
TREND_ERROR = 0.01  # of a run: that any metric which does not drift is said to


def judge(
    metrics: Sequence[tuple[str, Sequence[tuple[float, float]]]], margin: float, error: float
) -> tuple[Judged, ...]:
    """Names with their pairs (without, with), in the order in which they were measured; all values are above 0, and
    more is worse. `margin`: the difference, as a ratio minus 1, that matters."""
    logs = [[math.log(after / before) for before, after in pairs] for _, pairs in metrics]
    return tuple(
        _judged(name, [before for before, _ in pairs], values, len(metrics), margin, error)
        for (name, pairs), values in zip(metrics, logs, strict=True)
    )


def _judged(
    name: str, base: Sequence[float], values: Sequence[float], metrics: int, margin: float, error: float
) -> Judged:
    """Each of so many metrics has its part of the error, so that all intervals hold together. A difference is claimed
    where the interval excludes 0, and its absence where it lies within the margin; both only of what does not drift."""
    part = error / metrics
    found = interval(values, part)
    trend = drifts([math.log(value) for value in base], math.log1p(margin), TREND_ERROR / metrics)
    word = Word.INCONCLUSIVE
    limit = math.log1p(margin)
    if found is not None and not trend:
        if -limit < found.low and found.high < limit:
            word = Word.NO_DIFFERENCE
        elif found.low > 0 or found.high < 0:
            word = Word.SLOWER if found.shift > 0 else Word.FASTER
    p = p_value(values)
    return Judged(
        name, word, len(values), margin, found, p, min(1.0, metrics * p), smallest_seen(values, part), trend,
        shift=median(walsh_averages(values)), least=least_pairs(part),
    )  # fmt: skip


def is_narrow_enough(pairs: Sequence[tuple[float, float]], margin: float, error: float) -> bool:
    """Of (without, with): whether more pairs would say no more, since the interval is narrower than the margin. That
    looks at the spread alone and not at the shift, so that looking often does not make a wrong claim likelier."""
    found = interval([math.log(after / before) for before, after in pairs], error)
    return found is not None and found.half_width < math.log1p(margin) / 2


def median(values: Sequence[float]) -> float:
    """Of at least one value."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
