"""What a plugin took down at the marks of testcases/perf -> instructions for each operation. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.model.report import Metric, Subtest

AT, BYTES, MOST = 0x4F5243480000, 16, 64  # as testcases/perf/marks.h has it
MARKS = tuple(AT + BYTES * number for number in range(MOST))
OPERATIONS, PER_OPERATION = "operations", "instructions/op"


def counted_subtests(subtests: Sequence[Subtest], executed: Mapping[int, int]) -> tuple[Subtest, ...]:
    """The subtests with their metric. `executed`: by mark, how many instructions there were when it was passed; the
    k-th subtest lies between the marks 2k and 2k+1."""
    return tuple(_counted(subtest, 2 * at, executed) for at, subtest in enumerate(subtests))


def _counted(subtest: Subtest, first: int, executed: Mapping[int, int]) -> Subtest:
    operations = next((metric.value for metric in subtest.metrics if metric.name == OPERATIONS), 0.0)
    begin, end = (executed.get(AT + BYTES * mark) for mark in (first, first + 1))
    if begin is None or end is None or end <= begin or not operations or not subtest.outcome.is_ok:
        return subtest
    metric = Metric(subtest.name, (end - begin) / operations, PER_OPERATION)
    return replace(subtest, metrics=(*subtest.metrics, metric))
