"""What goes to a worker and what comes back: frozen values. Files go another way, by digest, but for small ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import Fault
from orchestrator.model.artifact import Artifact, StoredProduct
from orchestrator.model.job import Job
from orchestrator.model.request import Plan
from orchestrator.runs.record import KernelRecord

# Bytes of a file, and of all, that come with a result: through Dask and its scheduler. What 23 cases leave is 1.5 MB of
# small files, and some larger ones
SMALL, SMALL_ALL = 64 << 10, 2 << 20


@dataclass(frozen=True)
class Offer:
    """A product, and the file servers that have it."""

    product: StoredProduct
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """A job of a run. `token` names this try of it. `guests` of its kernel were there before, and `has_booted`: one of
    them has answered."""

    token: str
    job: Job
    plan: Plan
    offers: tuple[Offer, ...] = ()
    guests: int = 0
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
    guests. `products` are now in the worker's store. Both are to be had from `source`; small ones are in `contents`, by
    digest. `store` is where that store lies, for files that name it.
    """

    record: KernelRecord | None
    files: tuple[Artifact, ...] = ()
    private: tuple[str, ...] = ()
    products: tuple[StoredProduct, ...] = ()
    contents: Mapping[str, bytes] = field(default_factory=dict)
    source: str = ""
    store: str = ""
    refused: tuple[tuple[str, str], ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    warnings: tuple[tuple[str, str], ...] = ()
    trouble: Trouble | None = None
    is_interrupted: bool = False


def small_contents(files: Iterable[tuple[Path, Artifact]]) -> dict[str, bytes]:
    """The content of the small ones among files, by digest, as far as there is room. One that is gone is left out, and
    whether it has changed the receiver sees."""
    found: dict[str, bytes] = {}
    room = SMALL_ALL
    for path, file in files:
        if file.size <= min(SMALL, room) and file.sha256 not in found:
            with suppress(OSError):
                with path.open("rb") as source:
                    found[file.sha256] = source.read(file.size)
                room -= file.size
    return found
