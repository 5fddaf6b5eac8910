"""Dask as a transport: it carries tasks to workers and results back, and tells who is there. It owns no state: what a
client has not recorded is done again.

Facts about distributed 2026.8.0 that this rests on: a worker that dies fails its tasks at once where `allowed-failures`
is 0; one that says nothing is given up after `worker-ttl`; a task whose future is cancelled, or whose client is gone,
leaves the state `executing` at its worker, though its thread goes on; a worker forgets a task when nobody has its
future any more, and not while its thread goes on; `Client.run` reaches a worker whose threads are all busy; a scheduler
that dies takes its workers along.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import distributed
from distributed import Scheduler, Worker, WorkerPlugin, get_worker
from distributed.comm import CommClosedError
from distributed.security import Security

from orchestrator.cluster import identity
from orchestrator.cluster.task import Result, Task
from orchestrator.cluster.workshop import Workshop
from orchestrator.errors import ClusterUnavailable
from orchestrator.host.process import Cancel

CONFIG = {
    "distributed.scheduler.allowed-failures": 0,  # what a dead worker means is the client's business
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.http.routes": [],  # pages that anybody could read
    "distributed.worker.http.routes": [],
    "distributed.comm.retry.count": 0,
    "distributed.comm.timeouts.connect": "10s",
    "distributed.comm.timeouts.tcp": "30s",
    "distributed.admin.tick.limit": "1h",  # what it says of a slow event loop is of no use to anybody
    # each process looks at itself 50 times a second, and notes where its threads are 100 times: most of what it used
    "distributed.admin.tick.interval": "2s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
}
LOOK_EVERY_S = 0.2
ANNOUNCES = "orchestrate"
SLOTS = "slot-share"  # Dask's resource: a worker has 1, a job takes its share of it

_WORKSHOP: Workshop | None = None  # of this process, if it is a worker


def version() -> str:
    return str(distributed.__version__)


def security(directory: Path) -> Security:
    keys = {role: str(identity.member(directory, role)) for role in identity.ROLES}
    present = {role: path for role, path in keys.items() if Path(path).is_file()}
    pairs = {f"tls_{role}_{kind}": path for role, path in present.items() for kind in ("cert", "key")}
    return Security(require_encryption=True, tls_ca_file=str(directory / identity.CA), **pairs)


def quiet() -> None:
    """Its log is not for our users: what matters reaches them as errors of ours."""
    dask.config.set(CONFIG)
    for name in ("distributed", "tornado", "asyncio", "bokeh"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


# --- scheduler


def run_scheduler(
    host: str, port: int, directory: Path, cancel: Cancel, ready: Callable[[str], None], silent_s: float
) -> None:
    """Serve until the user stops it."""
    quiet()

    async def serve() -> None:
        async with Scheduler(
            host=host,
            port=port,
            protocol="tls",
            security=security(directory),
            worker_ttl=silent_s,
            allowed_failures=0,
            dashboard=False,
            dashboard_address="127.0.0.1:0",
        ) as scheduler:
            ready(scheduler.address)
            while not cancel.is_set:
                await asyncio.sleep(LOOK_EVERY_S)

    asyncio.run(serve())


# --- worker


def run_worker(
    scheduler: str,
    host: str,
    directory: Path,
    name: str,
    threads: int,
    announce: Callable[[], str],
    workshop: Workshop,
    scratch: Path,
    cancel: Cancel,
    ready: Callable[[str], None],
) -> None:
    """Work until the user stops it, or the scheduler is gone. All programs of its jobs have ended then. Raises
    ClusterUnavailable."""
    global _WORKSHOP
    quiet()
    _WORKSHOP = workshop

    async def work() -> None:
        worker = Worker(
            tls_address(scheduler),
            host=host,
            name=name,
            nthreads=threads,
            security=security(directory),
            resources={SLOTS: 1},
            local_directory=str(scratch),
            memory_limit=0,
            death_timeout=60,
            metrics={ANNOUNCES: lambda _: announce()},
            dashboard=False,
            dashboard_address="127.0.0.1:0",
            plugins=(_Forgotten(workshop),),
        )
        try:
            async with worker:
                ready(worker.address)
                while not cancel.is_set and worker.status.name == "running":
                    await asyncio.sleep(LOOK_EVERY_S)
                workshop.stop_all()
                if not cancel.is_set:
                    raise ClusterUnavailable(
                        f"the scheduler at {scheduler} is gone, or has given this worker up",
                        hint="start the scheduler, and this worker again; systemd's Restart=always does that",
                    )
        except (TimeoutError, OSError, CommClosedError) as error:
            raise unreachable(scheduler, error) from error

    try:
        asyncio.run(work())
    finally:
        workshop.stop_all()


class _Forgotten(WorkerPlugin):  # type: ignore[misc]  # it has no types
    """Lets go of the files of a result when its client has let go of the result, or is gone."""

    name = "forgotten"

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    def transition(self, key: Any, start: str, finish: str, **_: Any) -> None:
        if finish == "forgotten":  # we are in the event loop, where nobody removes directories
            asyncio.get_running_loop().run_in_executor(None, self._workshop.release, str(key))


def do_task(task: Task, slots: int) -> Result:
    """Runs at a worker, in one of its threads."""
    worker = get_worker()
    if _WORKSHOP is None:
        raise RuntimeError("this worker was not started by `orchestrate worker`")

    def is_wanted() -> bool:
        known = worker.state.tasks.get(task.token)
        return known is not None and known.state == "executing" and worker.status.name in ("running", "paused")

    return _WORKSHOP.do(task, is_wanted, slots)


async def stop_task(token: str) -> None:
    if _WORKSHOP:
        _WORKSHOP.stop(token)


# --- either end


def tls_address(address: str) -> str:
    return f"tls://{address.rpartition('://')[2]}"


def unreachable(scheduler: str, error: BaseException) -> ClusterUnavailable:
    why = str(error).splitlines()[0] if str(error) else type(error).__name__
    return ClusterUnavailable(
        f"no scheduler of our cluster answers at {scheduler}",
        hint="is it running (`orchestrate scheduler`), with certificates of the same `orchestrate cluster init`?",
        detail=why,
    )
