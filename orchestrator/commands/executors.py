"""Who does the jobs of a run: this process, or a cluster. A new executor is a function here and a line in the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from orchestrator.errors import ToolMissing, UsageError
from orchestrator.execution.local import NextJobs, carry_out, spread
from orchestrator.jobs.perform import perform
from orchestrator.jobs.products import Products

LOCAL = "local"


@dataclass(frozen=True)
class Executor:
    """`slots` are guests at a time."""

    slots: int
    carry_out: Callable[[NextJobs], None]


@contextmanager
def local(products: Products, address: str, identity: Path) -> Iterator[Executor]:
    """Threads of this process."""
    slots, cancel = products.plan.slots, products.context.runner.cancel
    do = partial(perform, products=products)
    yield Executor(slots, lambda next_jobs: carry_out(next_jobs, do, slots, cancel))


@contextmanager
def dask(products: Products, address: str, identity: Path) -> Iterator[Executor]:
    """Workers of a cluster. Raises UsageError, ClusterUnavailable, ToolMissing."""
    if products.plan.request.freeze:
        raise UsageError("--freeze-on-failure leaves a guest to you on this machine: not with --executor dask://...")
    try:
        from orchestrator.cluster.session import joined  # here: the extra is not everybody's
    except ModuleNotFoundError as error:
        raise missing_extra(error) from error
    with joined(products, address, identity) as remote:
        slots, cancel = remote.slots(), products.context.runner.cancel
        yield Executor(slots, lambda next_jobs: spread(next_jobs, remote.perform, slots, cancel))


EXECUTORS: Mapping[str, Callable[[Products, str, Path], AbstractContextManager[Executor]]] = {
    LOCAL: local,
    "dask": dask,
}


def executor(products: Products, named: str, identity: Path) -> AbstractContextManager[Executor]:
    """The executor that `local` or `KIND://ADDRESS` names. Raises UsageError."""
    kind, _, address = named.partition("://")
    if kind not in EXECUTORS or (kind == LOCAL) == bool(address):
        raise UsageError(f"--executor {named}: unknown", hint="local, or dask://HOST:PORT of a scheduler")
    return EXECUTORS[kind](products, address, identity)


def missing_extra(error: ModuleNotFoundError) -> ToolMissing:
    return ToolMissing(f"a cluster needs the Python package {error.name}", hint="pip install 'orchestrate[cluster]'")
