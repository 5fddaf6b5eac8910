"""Bisection with a reproducer that may pass by chance: which commit to run next, and when the bisection is settled.

At first, each commit of the range is equally likely to be the first bad one. A run that fails proves that its commit is
bad, because a good commit never fails (the caller has checked the good end). A run that passes only makes it less
likely: a bad commit passes too, with a probability that is the same for all bad commits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import exp, inf, lgamma, log, log2


@dataclass(frozen=True)
class Tally:
    """What the runs of the reproducer on one commit have shown."""

    fails: int = 0
    passes: int = 0

    @property
    def runs(self) -> int:
        return self.fails + self.passes


@dataclass(frozen=True)
class RunNext:
    """Run the reproducer once on this commit."""

    index: int


@dataclass(frozen=True)
class BadCommit:
    """`index` is bad and the testable commit before it is good, with this probability.

    `first` is the earliest commit that may be at fault: less than `index` where those between cannot be tested.
    """

    first: int
    index: int
    confidence: float


Step = RunNext | BadCommit


def next_step(
    tried: Sequence[Tally | None], rate: float | None, confidence: float, new_commit_cost: float = 10.0
) -> Step:
    """What to do after these runs.

    `tried` has the commits in their order, from the first one behind the good end up to the bad end. None is a commit
    that cannot be tested: it does not build, it does not boot. `rate` is how often a bad commit fails; None is unknown,
    to be learned from the runs (a dozen at the bad end first, where runs are cheap). `new_commit_cost` is what has to
    be paid before the first run on a commit, its build, in runs: a bisection that ignores it builds for most of them.
    ValueError: no commits, a bad end that cannot be tested, or runs that the rate rules out (with a rate of 1, a commit
    that has failed and passed).
    """
    if not tried or tried[-1] is None:
        raise ValueError("the bad end of a bisection must be testable")
    if not 0 < confidence < 1 or (rate is not None and not 0 < rate <= 1):
        raise ValueError(f"makes no sense: rate {rate}, confidence {confidence}")
    posterior, fails = _posterior(tried, rate)
    for found in _groups(tried, posterior):
        if found.confidence >= confidence:
            return found
    if rate is None and not any(commit.fails for commit in tried if commit):
        return RunNext(len(tried) - 1)  # until it has failed once, passing says nothing
    gains = _gains(posterior, fails)
    return RunNext(
        max(
            (index for index, commit in enumerate(tried) if commit is not None),
            key=lambda index: gains[index] / (1 if _is_built(tried[index]) else 1 + new_commit_cost),
        )
    )


def _is_built(commit: Tally | None) -> bool:
    return commit is not None and commit.runs > 0


def _posterior(tried: Sequence[Tally | None], rate: float | None) -> tuple[list[float], list[float]]:
    """The probability of each commit to be the first bad one, and how often bad commits would fail then."""
    known = [commit or Tally() for commit in tried]
    fails_from = list(accumulate(commit.fails for commit in reversed(known)))[::-1]
    passes_from = list(accumulate(commit.passes for commit in reversed(known)))[::-1]
    all_fails = fails_from[0]
    weights, fails = [], []
    for failed, passed in zip(fails_from, passes_from, strict=True):
        is_possible = failed == all_fails  # none of those before has failed
        weights.append(_log_likelihood(failed, passed, rate) if is_possible else -inf)
        fails.append((failed + 0.5) / (failed + passed + 1) if rate is None else rate)
    largest = max(weights)
    if largest == -inf:
        raise ValueError(f"a failure rate of {rate} rules out what was seen: a commit has passed that is bad")
    shares = [exp(weight - largest) for weight in weights]
    total = sum(shares)
    return [share / total for share in shares], fails


def _log_likelihood(fails: int, passes: int, rate: float | None) -> float:
    """Of these runs on bad commits; an unknown rate is integrated out.

    Before the first run it has Jeffreys' prior, Beta(1/2, 1/2): what fails always and what fails rarely are both usual.
    """
    if rate is None:
        return lgamma(fails + 0.5) + lgamma(passes + 0.5) - lgamma(fails + passes + 1)
    if rate == 1:
        return -inf if passes else 0.0
    return fails * log(rate) + passes * log(1 - rate)


def _groups(tried: Sequence[Tally | None], posterior: Sequence[float]) -> Iterator[BadCommit]:
    """Each testable commit, with the commits before it that cannot be told apart from it."""
    first, probability = 0, 0.0
    for index, commit in enumerate(tried):
        probability += posterior[index]
        if commit is not None:
            yield BadCommit(first, index, probability)
            first, probability = index + 1, 0.0


def _gains(posterior: Sequence[float], fails: Sequence[float]) -> list[float]:
    """The expected information about the first bad commit, in bits, of a run on each commit."""
    expected = accumulate(weight * rate for weight, rate in zip(posterior, fails, strict=True))
    noise = accumulate(weight * _entropy(rate) for weight, rate in zip(posterior, fails, strict=True))
    return [_entropy(fail) - known for fail, known in zip(expected, noise, strict=True)]


def _entropy(probability: float) -> float:
    """Of a coin, in bits."""
    if not 0 < probability < 1:
        return 0.0
    return -probability * log2(probability) - (1 - probability) * log2(1 - probability)
