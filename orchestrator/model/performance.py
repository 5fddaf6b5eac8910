"""What pairs of measurements, one without the series and one with it, say about a metric."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Word(Enum):
    """What is said of a metric whose larger value is worse."""

    SLOWER = "slower"
    FASTER = "faster"
    NO_DIFFERENCE = "no difference larger than"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Interval:
    """A shift and its interval, as natural logarithms of a ratio; `error` is the probability of an interval that does
    not hold the true shift, at most."""

    shift: float
    low: float
    high: float
    error: float

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class Judged:
    """`margin`: the difference that matters, as a ratio minus 1. `p`: of no shift, two-sided, exact. `p_adjusted`:
    for all metrics of the run (Bonferroni). `smallest`: the smallest difference that so many pairs of this spread
    show, as a ratio minus 1; None: too few pairs. `drifts`: the arm without the series moved by more than the margin
    in the course of the run. `shift`: the interval's, and without one what the pairs say so far. `least`: how many
    pairs an interval needs."""

    name: str
    word: Word
    pairs: int
    margin: float
    interval: Interval | None
    p: float
    p_adjusted: float
    smallest: float | None
    drifts: bool
    shift: float = 0.0
    least: int = 0
