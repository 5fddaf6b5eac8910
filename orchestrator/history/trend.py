"""Where a metric stands: its level and the last change of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.history.changes import changes, levels


@dataclass(frozen=True)
class Trend:
    """Of the latest values of a metric (changes.WINDOW at most). `middle` with `low` to `high` is its level since the
    last change, `shift` that change, as shares of the level before it; `changed` is the start of the first run behind
    it. None: there is no change, or no interval."""

    unit: str
    accelerator: str
    number: int  # of values
    first: str
    latest: str
    value: float
    middle: float
    low: float | None
    high: float | None
    changed: str | None
    shift: float | None
    shift_low: float | None
    shift_high: float | None


def trend(points: Sequence[tuple[str, float]], unit: str, accelerator: str) -> Trend:
    """Of starts of runs and values, in the order of time; at least one."""
    values = [value for _, value in points]
    found = changes(values)
    level = levels(values, found)[-1]
    last = found[-1] if found else None
    return Trend(
        unit, accelerator, len(points), points[0][0], points[-1][0], values[-1], level.middle, level.low, level.high,
        points[last.at][0] if last else None,
        last.relative(last.shift) if last else None,
        last.relative(last.low) if last else None,
        last.relative(last.high) if last else None,
    )  # fmt: skip
