"""Where CPUs are to stand still: near what a series changes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from orchestrator.evidence.coverage.stall_places import BEFORE, BEHIND, places

FUNCTIONS = [(100, 200), (200, 260), (300, 400)]
BETWEEN = [100, *range(105, 200, 5), 200, 210, 300, 310]


def span(address: int) -> tuple[int, int]:
    return next(((start, end) for start, end in FUNCTIONS if start <= address < end), (0, 0))


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], ()),
        ([150], (135, 140, 145, 150, 155, 160, 165, 170, 175)),  # what follows the instruction begins at it
        ([151], (140, 145, 150, 155, 160, 165, 170, 175, 180)),
        ([101], (100, 105, 110, 115, 120, 125, 130)),
        ([190], (175, 180, 185, 190, 195)),  # not in the next function
        ([205], (200, 210)),
        ([101, 205], (100, 105, 110, 115, 120, 125, 130, 200, 210)),
        ([270], ()),  # between functions
    ],
)
def test_the_nearest_in_the_function(statements: Sequence[int], expected: tuple[int, ...]) -> None:
    assert places(statements, BETWEEN, span) == expected


def test_each_once_and_ascending() -> None:
    found = places([160, 150, 155], BETWEEN, span)
    assert list(found) == sorted(set(found))
    assert len(found) == BEFORE + BEHIND + 2
