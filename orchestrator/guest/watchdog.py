"""Watches a command in the guest, and cuts its connection when waiting longer is useless."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from orchestrator.guest.evidence import Examination
from orchestrator.guest.qemu import Qemu
from orchestrator.guest.ssh import Link
from orchestrator.host.deadline import Deadline
from orchestrator.host.process import Cancel
from orchestrator.model.attempt import Condition, Ending
from orchestrator.model.kernel_report import KernelReport
from orchestrator.parse.logs.kernel_report import Scanner

LOOK_EVERY_S = 0.1
PINGS = 3.5  # in the time that a guest may be silent. Each costs it instructions, which some guests count
QUIET_S = 0.5  # a report's lines come closer together, emulated too
LAST_WORDS_S = 5.0  # what a panicking kernel gets for its report before it is expected to stand still, or QEMU to end


@dataclass(frozen=True)
class Observation:
    """What the watchdog saw, if the command did not end normally, and what the examination of the guest found."""

    ending: Ending
    reason: str
    evidence: Examination | None = None

    @property
    def words(self) -> str:
        if self.evidence is None or self.evidence.condition is Condition.PANICKED:
            return self.reason
        return f"{self.reason}: {self.evidence.words}"


# of the guest, by whether its SSH server may be asked
Examine = Callable[[bool], Examination]
# whether a kernel report is a failure: some are known or expected
Counts = Callable[[KernelReport], bool]


def lost(qemu: Qemu) -> Observation:
    """Who ended QEMU, unless the kernel panicked."""
    by_guest, words = qemu.end_reason()
    return Observation(Ending.GUEST_DIED if by_guest else Ending.HOST_LOST, words)


class Watchdog:
    """A context manager around a running command. `observation` is None if nothing unusual was seen. The guest is
    examined before the connection is cut, while the command still runs."""

    def __init__(
        self,
        qemu: Qemu,
        link: Link,
        limit_s: float,
        cancel: Cancel,
        examine: Examine,
        counts: Counts,
        stop_at: int | None,
        silence_s: float,
    ) -> None:
        """With `stop_at`, an offset into the console, the guest is stopped at the first report that counts. Without an
        answer for `silence_s` it is frozen."""
        self._qemu, self._link, self._cancel, self._examine = qemu, link, cancel, examine
        self._counts = counts
        self._silence_s = silence_s
        self._limit_s, self._limit = limit_s, Deadline.after(limit_s)
        self._scanner, self._scanned = (None if stop_at is None else Scanner()), stop_at or 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._failure: Exception | None = None
        self.observation: Observation | None = None

    def __enter__(self) -> Watchdog:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Raises what kept it from watching."""
        self._done.set()
        self._thread.join()
        if self._failure:
            raise self._failure

    def _watch(self) -> None:
        try:
            is_over = self._attend()
        except Exception as error:  # noqa: BLE001, __exit__ raises it; a command without a watchdog may never end
            self._failure, is_over = error, True
        if is_over:
            self._cut()

    def _attend(self) -> bool:
        """Watch until the command ends. Returns whether waiting was given up before."""
        ping = self._link.ping()
        asked_s = time.monotonic()
        while not self._done.wait(LOOK_EVERY_S):
            now = time.monotonic()
            if self._cancel.is_set:
                return True
            if seen := self._look(ping, now - asked_s):
                self.observation = seen
                if self._qemu.is_alive and seen.ending is not Ending.STOPPED:
                    self.observation = replace(seen, evidence=self._examine(seen.ending is Ending.TIMED_OUT))
                return True
            if ping.is_set() and now - asked_s >= self._silence_s / PINGS:
                ping, asked_s = self._link.ping(), now
        return False

    def _cut(self) -> None:
        """Cut until the command has ended: if a connection is cut before the command begins, fabric opens another."""
        self._link.cut()
        while not self._done.wait(LOOK_EVERY_S):
            self._link.cut()

    def _news(self) -> bytes:
        start, self._scanned = self._scanned, self._qemu.console.size
        return self._qemu.console.raw(start, self._scanned)

    def _reports(self, scanner: Scanner) -> list[KernelReport]:
        """The kernel reports that are complete. When the console has been quiet, all are: a line that shows the end of
        one may never come."""
        found = scanner.feed(self._news())
        is_quiet = time.monotonic() - self._qemu.console.last_output_s > QUIET_S
        return found + (scanner.flush() if is_quiet else [])

    def _look(self, ping: threading.Event, waited_s: float) -> Observation | None:
        if self._scanner and any(self._counts(kernel_report) for kernel_report in self._reports(self._scanner)):
            self._qemu.stop()
            return Observation(Ending.STOPPED, "stopped at its first kernel report")
        if self._qemu.console.panicked.seen.is_set():
            self._qemu.wait_fall(LAST_WORDS_S)
            return Observation(Ending.GUEST_DIED, "the kernel panicked")
        if not self._qemu.is_alive:
            return lost(self._qemu)
        if self._limit.expired:
            return Observation(Ending.TIMED_OUT, f"did not end within its limit ({self._limit_s:.0f} s)")
        if not ping.is_set() and waited_s > self._silence_s:
            if trouble := self._qemu.host_trouble():
                return Observation(Ending.HOST_LOST, trouble)
            return Observation(Ending.GUEST_FROZE, f"the guest has not answered for {waited_s:.0f} s")
        return None
