"""A file as it is known to all machines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Artifact:
    """A named file under a digest. A path is what a store makes of it on one machine: `name` is relative to the product
    or run directory that it belongs to. `sha256` is in hex, `size` in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class StoredProduct:
    """A product of the store, by stage and key, as its files."""

    stage: str
    key: str
    files: tuple[Artifact, ...]
