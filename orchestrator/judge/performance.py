"""Attempts with and without the series -> what each metric says. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.judge.shift import LEAST_PAIRS, is_narrow_enough, judge
from orchestrator.model.kernel import Role
from orchestrator.model.performance import Judged
from orchestrator.model.report import SuiteReport
from orchestrator.parse.results.instructions import PER_OPERATION

Pairs = Mapping[str, Sequence[tuple[float, float]]]


def pairs(found: SuiteReport, base: SuiteReport) -> Pairs:
    """By metric, (without, with) of each pair: attempts of one seed are a pair. In the order of the seeds."""
    with_series, without = _values(found), _values(base)
    seeds = sorted(with_series.keys() & without.keys())
    names = dict.fromkeys(name for seed in seeds for name in without[seed])
    made = {
        name: [
            (without[seed][name], with_series[seed][name])
            for seed in seeds
            if name in without[seed] and name in with_series[seed]
        ]
        for name in names
    }
    return {name: values for name, values in made.items() if values}


def _values(suite: SuiteReport) -> dict[int, dict[str, float]]:
    return {
        finding.seed: {
            metric.name: metric.value
            for subtest in finding.subtests
            for metric in subtest.metrics
            if metric.unit == PER_OPERATION and metric.value > 0
        }
        for finding in suite.attempts
    }


def judged(found: SuiteReport, base: SuiteReport, margin: float, error: float) -> tuple[Judged, ...]:
    return judge(list(pairs(found, base).items()), margin, error)


def is_settled(found: SuiteReport, base: SuiteReport, margin: float, error: float) -> bool:
    """Whether further pairs would say no more about any metric."""
    made = pairs(found, base)
    return bool(made) and all(
        len(values) >= LEAST_PAIRS and is_narrow_enough(values, margin, error / len(made)) for values in made.values()
    )


def with_performance(suites: Sequence[SuiteReport], margin: float, error: float) -> tuple[SuiteReport, ...]:
    """Kernels with the series are compared with the base of their kconfig, where it ran; arguments as for `judged`."""
    bases = {suite.kconfig: suite for suite in suites if suite.role is Role.BASELINE}
    return tuple(
        replace(suite, performance=judged(suite, bases[suite.kconfig], margin, error))
        if suite.role is Role.PATCHED and suite.kconfig in bases
        else suite
        for suite in suites
    )
