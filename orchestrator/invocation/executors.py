"""Who does the jobs of runs: this process, or a cluster. A new kind is a function here and a line in the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from orchestrator.cluster.identity import check as check_identity
from orchestrator.errors import ToolMissing, UsageError
from orchestrator.execution.local import NextJobs, carry_out, spread
from orchestrator.host.extras import install_command
from orchestrator.jobs.perform import perform
from orchestrator.jobs.products import Products

LOCAL = "local"


@dataclass(frozen=True)
class Executor:
    """Does the jobs of one run. `slots` are guests at a time."""

    slots: int
    carry_out: Callable[[NextJobs], None]


ExecutorOf = Callable[[Products], AbstractContextManager[Executor]]


@dataclass(frozen=True)
class Workforce:
    """Does the jobs of one run, or of several at a time. `machines` says how many there are now, and raises
    ClusterUnavailable if nobody can know; None: it is this one."""

    executor: ExecutorOf
    machines: Callable[[], int] | None = None


@contextmanager
def local(address: str, identity: Path) -> Iterator[Workforce]:
    """Threads of this process."""

    @contextmanager
    def executor(products: Products) -> Iterator[Executor]:
        slots, cancel = products.plan.slots, products.context.runner.cancel
        do = partial(perform, products=products)
        yield Executor(slots, lambda next_jobs: carry_out(next_jobs, do, slots, cancel))

    yield Workforce(executor)


@contextmanager
def dask(address: str, identity: Path) -> Iterator[Workforce]:
    """Workers of a cluster. Raises UsageError, ClusterUnavailable, ToolMissing."""
    with extra():
        from orchestrator.cluster.session import joined
    with joined(address, identity) as cluster:

        @contextmanager
        def executor(products: Products) -> Iterator[Executor]:
            _check_freeze(products.plan.request.freeze)  # a night's items come to a cluster that is there already
            remote = cluster.remote(products)
            slots, cancel = remote.slots(), products.context.runner.cancel
            yield Executor(slots, lambda next_jobs: spread(next_jobs, remote.perform, slots, cancel))

        yield Workforce(executor, cluster.machines)


KINDS: Mapping[str, Callable[[str, Path], AbstractContextManager[Workforce]]] = {LOCAL: local, "dask": dask}


def workforce(named: str, identity: Path) -> AbstractContextManager[Workforce]:
    """The one that `local` or `KIND://ADDRESS` names. Raises UsageError."""
    kind, address = checked_executor(named)
    return KINDS[kind](address, identity)


@contextmanager
def executor(products: Products, named: str, identity: Path) -> Iterator[Executor]:
    """The executor of a run that has a workforce for itself. Raises UsageError, ClusterUnavailable, ToolMissing."""
    with workforce(named, identity) as everybody, everybody.executor(products) as who:
        yield who


def check_executor(named: str, identity: Path, *, freeze: bool) -> None:
    """What can be known of an executor before there is work for it. Raises UsageError, ToolMissing."""
    kind, address = checked_executor(named)
    if kind != LOCAL:
        _check_freeze(freeze)
        check_identity(identity, "client")
        with extra():  # it takes a second, so last
            from orchestrator.cluster.session import checked_address
        checked_address(address)


def _check_freeze(freeze: bool) -> None:
    if freeze:
        raise UsageError("--freeze-on-failure leaves a guest to you on this machine: not with --executor dask")


def checked_executor(named: str) -> tuple[str, str]:
    """Its kind and address. Raises UsageError."""
    kind, _, address = named.partition("://")
    if kind not in KINDS or (kind == LOCAL) == bool(address):
        raise UsageError(f"--executor {named}: unknown", hint="local, or dask://HOST:PORT of a scheduler")
    return kind, address


@contextmanager
def extra() -> Iterator[None]:
    """Imports of what not everybody has installed, where it is used. Raises ToolMissing."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = f"a cluster needs the Python package {error.name}"
        raise ToolMissing(missing, hint=install_command("cluster")) from error
