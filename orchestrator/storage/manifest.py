"""The size, time and digest of a product's files when it was made, in a file beside them.

A kernel image that lost its end, or a bit, boots into nothing, which looks as if the patch had done it. So a product is
looked at whenever it is used: sizes and times of all its files, which takes microseconds. A file with another time is
hashed: a copy of a cache has new times and the same content. What has the right size and time and the wrong content is
found by hashing everything, which is for whoever has a reason to doubt.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from orchestrator.model.artifact import Artifact
from orchestrator.storage import kept

NAME = "manifest.json"
SCHEMA = 1
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class ManifestEntry:
    """A file: its path below the product, its size in bytes, its time of modification."""

    name: str
    size: int
    mtime_ns: int
    sha256: str

    @property
    def artifact(self) -> Artifact:
        """The file, without what it is on this machine alone."""
        return Artifact(self.name, self.sha256, self.size)


@dataclass(frozen=True)
class Manifest:
    """All files of a product."""

    files: tuple[ManifestEntry, ...]


def file_digest(path: Path) -> str:
    """sha256, in hexadecimal digits. Raises OSError."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def seal(product: Path, digests: Mapping[str, str] = NOTHING) -> None:
    """Write the manifest of a directory and sync everything in it, so that what is renamed into place afterwards is
    complete even after a power failure. `digests`: of files that have just been hashed, by name. Raises OSError."""
    directories = [product, *(path for path in product.rglob("*") if path.is_dir() and not path.is_symlink())]
    (product / NAME).unlink(missing_ok=True)  # an earlier one is no file of the product
    files = sorted(path for path in product.rglob("*") if path.is_file() and not path.is_symlink())
    _write(product, Manifest(tuple(_entry(product, path, digests) for path in files)))
    for path in (*files, product / NAME, *directories):
        sync(path)


def problem(product: Path, *, by_hash: bool = False) -> str:
    """What is wrong with a product, as the end of a sentence; empty if nothing is."""
    try:
        manifest = kept.load(Manifest, product / NAME, SCHEMA)
    except ValueError:
        return "has no manifest that can be read"
    found = []
    for entry in manifest.files:
        path = product / entry.name
        try:
            status = path.stat()
            if status.st_size != entry.size:
                return f"is damaged: {entry.name} has {status.st_size} bytes instead of {entry.size}"
            is_suspect = by_hash or status.st_mtime_ns != entry.mtime_ns
            if is_suspect and file_digest(path) != entry.sha256:
                return f"is damaged: the content of {entry.name} has changed"
        except OSError as error:
            return f"is damaged: {entry.name}: {error.strerror}"
        found.append(replace(entry, mtime_ns=status.st_mtime_ns))
    if tuple(found) != manifest.files:
        _write(product, Manifest(tuple(found)))  # a copy: the next look need not hash it
    return ""


def artifacts(product: Path) -> tuple[Artifact, ...]:
    """A product's files, as its manifest says. ValueError when it has none."""
    return tuple(entry.artifact for entry in kept.load(Manifest, product / NAME, SCHEMA).files)


def size(product: Path) -> int:
    """Bytes of a product's files, as its manifest says. ValueError when it has none."""
    return sum(file.size for file in artifacts(product))


def sync(path: Path) -> None:
    """Write a file's content, or a directory's names, to the disk before going on. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _entry(product: Path, path: Path, digests: Mapping[str, str]) -> ManifestEntry:
    status, name = path.stat(), str(path.relative_to(product))
    return ManifestEntry(name, status.st_size, status.st_mtime_ns, digests.get(name) or file_digest(path))


def _write(product: Path, manifest: Manifest) -> None:
    """Whole or not at all: others read it while a copy's times are taken over."""
    scratch = product / f".{NAME}.{secrets.token_hex(4)}"
    scratch.write_bytes(kept.dumps(manifest, SCHEMA))
    scratch.replace(product / NAME)
