"""Watches a command in the guest, and cuts its connection when nothing more can come of it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from orchestrator.deadline import Deadline
from orchestrator.guest.qemu import Qemu
from orchestrator.guest.ssh import Link
from orchestrator.model import Ending
from orchestrator.process import Cancel

LOOK_EVERY_S = 0.1
PING_EVERY_S = 2.0
# A healthy guest answers in milliseconds, an overloaded emulated one in tenths of a second. With PING_EVERY_S this
# keeps the promise that a frozen guest is noticed within 10 s.
PING_LIMIT_S = 7.0
LAST_WORDS_S = 5.0  # what a panicking kernel gets for its report before QEMU is expected to end


@dataclass(frozen=True)
class Sight:
    """What the watchdog saw, when it was not a normal end."""

    ending: Ending
    reason: str


def lost(qemu: Qemu) -> Sight:
    """Whose doing it was that QEMU ended, unless the kernel panicked."""
    by_guest, words = qemu.end_reason()
    return Sight(Ending.GUEST_DIED if by_guest else Ending.HOST_LOST, words)


class Watchdog:
    """Use as a context manager around a running command; `sight` is None when there was nothing to see."""

    def __init__(self, qemu: Qemu, link: Link, limit: Deadline, cancel: Cancel) -> None:
        self._qemu, self._link, self._limit, self._cancel = qemu, link, limit, cancel
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self.sight: Sight | None = None

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        ping = self._link.ping()
        asked_s = time.monotonic()
        while not self._done.wait(LOOK_EVERY_S):
            now = time.monotonic()
            if self._cancel.is_set:
                return self._cut()
            if sight := self._look(ping, now - asked_s):
                self.sight = sight
                return self._cut()
            if ping.is_set() and now - asked_s >= PING_EVERY_S:
                ping, asked_s = self._link.ping(), now

    def _cut(self) -> None:
        """Until the command has ended: fabric opens a connection that is cut before the command begins once more."""
        self._link.cut()
        while not self._done.wait(LOOK_EVERY_S):
            self._link.cut()

    def _look(self, ping: threading.Event, waited_s: float) -> Sight | None:
        if self._qemu.console.panicked.seen.is_set():
            self._qemu.wait_end(LAST_WORDS_S)
            return Sight(Ending.GUEST_DIED, "the kernel panicked")
        if not self._qemu.is_alive:
            return lost(self._qemu)
        if self._limit.expired:
            return Sight(Ending.TIMED_OUT, "the program did not end, not even by SIGKILL; the guest still answers")
        if not ping.is_set() and waited_s > PING_LIMIT_S:
            if trouble := self._qemu.host_trouble():
                return Sight(Ending.HOST_LOST, trouble)
            return Sight(Ending.GUEST_FROZE, f"the guest has not answered for {waited_s:.0f} s; QEMU still runs")
        return None
