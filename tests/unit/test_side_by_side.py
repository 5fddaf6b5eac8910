"""Several things at once: how many, in which order, and what an error does to the others."""

from __future__ import annotations

import threading
import time
from functools import partial

import pytest

from orchestrator.errors import Interrupted, UsageError
from orchestrator.execution.local import side_by_side
from orchestrator.process import Cancel


def test_all_are_done_and_never_more_at_once_than_asked_for() -> None:
    lock, now, most, done = threading.Lock(), 0, 0, []

    def work(number: int) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
            done.append(number)

    side_by_side([partial(work, number) for number in range(12)], 3, Cancel(), "test")
    assert sorted(done) == list(range(12))
    assert most == 3


def test_one_at_a_time_keeps_the_order() -> None:
    done: list[int] = []
    side_by_side([partial(done.append, number) for number in range(5)], 1, Cancel(), "test")
    assert done == [0, 1, 2, 3, 4]


def test_an_error_stops_the_others_and_is_what_is_raised() -> None:
    cancel, begun = Cancel(), []

    def wait_for_cancel(number: int) -> None:
        begun.append(number)
        while True:
            cancel.sleep(0.01)

    def fail() -> None:
        raise UsageError("no")

    with pytest.raises(UsageError, match="no"):
        side_by_side(
            [partial(wait_for_cancel, 0), fail, *(partial(wait_for_cancel, n) for n in (1, 2, 3))], 2, cancel, "t"
        )
    assert set(begun) <= {0, 1}  # at most the one that took the failed one's place


def test_an_interruption_is_raised_when_nothing_else_went_wrong() -> None:
    cancel = Cancel()
    cancel.set()
    with pytest.raises(Interrupted):
        side_by_side([cancel.check], 1, cancel, "test")
