"""A client's connection to a cluster: who is there, tasks and their results."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import distributed
from distributed import Client, Future
from distributed.comm import CommClosedError

from orchestrator.cluster import transport
from orchestrator.cluster.task import Result, Task
from orchestrator.errors import ClusterUnavailable, Interrupted, WorkerLost
from orchestrator.host.process import Cancel

LOOK_EVERY_S = 0.2
ASK_EVERY_S = 1.0  # who is there, at most
WORKERS_PER_S = 250  # whose announcements a client asks for, at most: of 500 every 2 s
GRACE_S = 8.0  # that a stopped job may take to end its guest and send what it has


class Connection:
    """A client's connection to a cluster."""

    def __init__(self, scheduler: str, directory: Path) -> None:
        """Raises ClusterUnavailable."""
        transport.quiet()
        self._scheduler = scheduler
        self._asking = threading.Lock()
        self._announced: Mapping[str, str] = {}
        self._asks_next_s = 0.0
        self._kept: dict[str, Future[Result]] = {}
        try:
            self._client = Client(
                transport.tls_address(scheduler),
                security=transport.security(directory),
                timeout=10,
                set_as_default=False,
                heartbeat_interval="2s",
            )
        except (TimeoutError, OSError, CommClosedError) as error:
            raise transport.unreachable(scheduler, error) from error

    def close(self) -> None:
        """Let go of all tasks: workers end those that still run."""
        self._client.close(timeout=2)

    def scheduler_version(self) -> str:
        """Of distributed there."""
        found = self._client.get_versions(check=False)
        return str(found["scheduler"]["packages"]["distributed"])

    def announced(self) -> Mapping[str, str]:
        """What each worker says of itself, by address, as it was a moment ago: all runs of a client ask for it, and it
        grows with the number of workers. Raises ClusterUnavailable."""
        self._check()
        with self._asking:
            if time.monotonic() >= self._asks_next_s:
                workers = cast(dict[str, Any], self._client.scheduler_info(n_workers=-1))["workers"]
                self._announced = {
                    address: str(one["metrics"][transport.ANNOUNCES])
                    for address, one in workers.items()
                    if transport.ANNOUNCES in one.get("metrics", {})
                }
                self._asks_next_s = time.monotonic() + max(ASK_EVERY_S, len(workers) / WORKERS_PER_S)
            return self._announced

    def do(self, task: Task, address: str, slots: int, share: float, cancel: Cancel) -> Result:
        """Have a worker do a task. It keeps the files of the result until `release`. Raises WorkerLost when it is gone,
        ClusterUnavailable when the scheduler is, Interrupted when it does not end in time."""
        future = self._client.submit(
            transport.do_task,
            task,
            slots,
            key=task.token,
            workers=[address],
            allow_other_workers=False,
            resources={transport.SLOTS: share},
            retries=0,
            pure=False,
        )
        done = threading.Event()
        future.add_done_callback(lambda _: done.set())
        stopping_s: float | None = None
        try:
            while not future.done():
                if cancel.is_set and stopping_s is None:
                    stopping_s = time.monotonic()
                    # in a thread of its own: a frozen worker would keep us from counting the seconds
                    threading.Thread(target=self._stop, args=(task.token, address), daemon=True).start()
                if stopping_s is not None and time.monotonic() > stopping_s + GRACE_S:
                    raise Interrupted("interrupted", hint="run the same command again")
                if address not in self.announced():  # a task for a worker that was gone before it came is kept for ever
                    raise WorkerLost(f"the worker {address} is gone")
                done.wait(LOOK_EVERY_S)
            if future.status == "finished":
                result = cast(Result, future.result(timeout=30))
                self._kept[task.token] = future
                return result
            self._check()
            error = future.exception(timeout=5) if future.status == "error" else None
            if error is not None and not isinstance(error, distributed.KilledWorker):
                raise error
            raise WorkerLost(f"the worker {address} is gone")
        except (TimeoutError, CommClosedError, distributed.client.FutureCancelledError) as error:
            self._check()
            raise WorkerLost(f"the worker {address} is gone: {error}") from error
        finally:
            if task.token not in self._kept:
                future.release()

    def release(self, token: str) -> None:
        """We have the files of a result, or do not want them."""
        self._kept.pop(token).release()

    def _stop(self, token: str, address: str) -> None:
        """Reach a worker at once, whatever its threads do. One that is gone needs not be told."""
        with suppress(TimeoutError, OSError, CommClosedError):
            self._client.run(transport.stop_task, token, workers=[address], wait=False, on_error="ignore")

    def _check(self) -> None:
        if self._client.status != "running":
            raise ClusterUnavailable(
                f"the scheduler at {self._scheduler} is gone",
                hint="start it and its workers again, and run the same command again: it continues where it stopped",
            )
