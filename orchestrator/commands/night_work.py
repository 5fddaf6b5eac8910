"""The running items of a night, each in a thread of its own, and the time that each has used."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType

from orchestrator.commands.night_items import Ended, Stop
from orchestrator.model.night import NightRecord
from orchestrator.questions.night import left_s, passed

MOST = 256  # items at once
LOOK_EVERY_S = 0.2


class AtWork:
    """A context manager: when it is left, no item is at work any more."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._pool = ThreadPoolExecutor(MOST, thread_name_prefix="item")
        self._running: dict[Future[Ended], str] = {}
        self._looked_s = time.monotonic()

    def __enter__(self) -> AtWork:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._running:
            self._stop.all_runs()
        self._pool.shutdown(wait=True)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._running.values())

    def begin(self, item: str, run: Callable[[], Ended]) -> None:
        self._running[self._pool.submit(run)] = item

    def look(self, record: NightRecord) -> NightRecord:
        """The record as the time is now. Whoever's time is over is told so."""
        now_s = time.monotonic()
        record = passed(record, self.names, now_s - self._looked_s)
        self._looked_s = now_s
        for item in record.items:
            if item.name in self.names and left_s(record, item) <= 0:
                self._stop.late(item.name)
        return record

    def ended(self) -> Iterator[tuple[str, Future[Ended]]]:
        """Waits a little; those that have ended meanwhile, and are not at work any more."""
        # with a timeout: a wait without end in the main thread can keep a signal from being handled
        done, _ = wait(self._running, timeout=LOOK_EVERY_S, return_when=FIRST_COMPLETED)
        for future in done:
            yield self._running.pop(future), future
