"""What goes to a worker and what comes back: frozen values. Files go another way, by digest."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.errors import Fault
from orchestrator.model.artifact import Artifact, StoredProduct
from orchestrator.model.job import Job
from orchestrator.model.request import Plan
from orchestrator.record import KernelRecord


@dataclass(frozen=True)
class Offer:
    """A product, and the file servers that have it."""

    product: StoredProduct
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """A job of a run. `token` names this try of it. `has_booted`: a guest of its kernel has answered before."""

    token: str
    job: Job
    plan: Plan
    offers: tuple[Offer, ...] = ()
    has_booted: bool = False


@dataclass(frozen=True)
class Trouble:
    """What kept a worker from doing a job, as an error that can be raised elsewhere."""

    message: str
    hint: str = ""
    detail: str = ""
    fault: Fault = Fault.INFRASTRUCTURE


@dataclass(frozen=True)
class Result:
    """What a worker has recorded of a job's subject.

    `files` are those of its directory; the `private` ones are for their owner alone, as ssh wants it for keys of
    guests. `products` are now in the worker's store. Both are to be had from `source`. `store` is where that store
    lies, for files that name it.
    """

    record: KernelRecord | None
    files: tuple[Artifact, ...] = ()
    private: tuple[str, ...] = ()
    products: tuple[StoredProduct, ...] = ()
    source: str = ""
    store: str = ""
    refused: tuple[tuple[str, str], ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    warnings: tuple[tuple[str, str], ...] = ()
    trouble: Trouble | None = None
    is_interrupted: bool = False
