"""A time limit for a call that cannot be stopped. A library's timeout often applies to each read, so a peer that
sends a byte now and then would keep it waiting for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Abandoned(Exception):
    """The time is over, and the call may still be going on."""


def within(seconds: float, call: Callable[[], T], name: str) -> T:
    """The result of a call in a thread of this name. Raises Abandoned, and what the call raises."""
    results: list[T] = []
    failures: list[BaseException] = []

    def in_thread() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
            failures.append(error)

    thread = threading.Thread(target=in_thread, name=name, daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not results:
        raise Abandoned(f"no end in {seconds:g} s")
    return results[0]
