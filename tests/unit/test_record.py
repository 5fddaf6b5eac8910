"""What a run's record says of itself."""

from __future__ import annotations

import pytest

from orchestrator.model.request import Request
from orchestrator.record import RunRecord


@pytest.mark.parametrize(
    ("time_s", "lost_s", "had_guests", "expected"),
    [
        (100.0, 9.0, True, ()),
        (100.0, 37.0, True, ("37% of this host's CPU time",)),
        (100.0, 37.0, False, ()),  # nobody raced, nothing was measured
        (0.0, 0.0, True, ()),
    ],
)
def test_a_crowded_host_is_noted_where_guests_ran(
    time_s: float, lost_s: float, had_guests: bool, expected: tuple[str, ...]
) -> None:
    record = RunRecord(Request(), "k", "s", "d", "2026-01-01T00:00:00", time_s=time_s, lost_s=lost_s, notes=("n",))
    first, *others = record.remarks(had_guests=had_guests)
    assert first == "n"
    assert len(others) == len(expected)
    assert all(words in note for words, note in zip(expected, others, strict=True))
