"""What a run's record says of itself."""

from __future__ import annotations

import pytest

from orchestrator.model.request import Request
from orchestrator.record import RunRecord


@pytest.mark.parametrize(
    ("time_s", "lost_s", "expected"),
    [
        (100.0, 9.0, ()),
        (100.0, 37.0, ("37% of this host's CPU time",)),
        (0.0, 0.0, ()),
    ],
)
def test_a_crowded_host_is_noted(time_s: float, lost_s: float, expected: tuple[str, ...]) -> None:
    record = RunRecord(Request(), "k", "s", "d", "2026-01-01T00:00:00", time_s=time_s, lost_s=lost_s, notes=("n",))
    assert record.remarks[0] == "n"
    assert len(record.remarks) == 1 + len(expected)
    assert all(words in note for words, note in zip(expected, record.remarks[1:], strict=True))
