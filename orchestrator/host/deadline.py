"""A point in monotonic time by which something must have happened."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """`at_s` is on the clock of time.monotonic()."""

    at_s: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        return cls(time.monotonic() + seconds)

    @property
    def remaining_s(self) -> float:
        return max(0.0, self.at_s - time.monotonic())

    @property
    def expired(self) -> bool:
        return time.monotonic() >= self.at_s


class Budget:
    """A number of seconds that starts to count at the first question whether it is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: Deadline | None = None

    def is_over(self) -> bool:
        if self._until is None:
            self._until = Deadline.after(self._seconds)
        return self._until.expired
