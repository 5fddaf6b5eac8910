"""Content-addressed stage products, and files that appear whole or not at all.

A product is a directory named by the key of its inputs. It is made in a scratch directory and moved into place with
one rename: its existence *is* "done", a crash leaves only scratch, and of two runs that race one wins.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from orchestrator.errors import situation

KEEP_PRODUCTS = 40  # per stage; the least recently used ones go. A kernel with debug info is some 100 MB
IN_USE_S = 6 * 3600  # what was used so lately may be part of a run that goes on, and stays


def key(stage: str, **inputs: Any) -> str:
    """The name of a product: sha256 over canonical JSON of the stage's name and everything that it depends on."""
    text = json.dumps([stage, inputs], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def file_digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that others see whole or not at all, with the mode that the umask gives. Raises HostRefused."""
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with scratch.open("xb") as handle:
                handle.write(data)
            scratch.replace(path)
        except BaseException:
            with suppress(OSError):
                scratch.unlink(missing_ok=True)
            raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """An error of the operating system while something is written to a path becomes one of ours: HostRefused."""
    try:
        yield
    except OSError as error:
        raise situation(error, os.fspath(path)) from error


class Store:
    """Products of stages below one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def get(self, stage: str, product_key: str) -> Path | None:
        """The product's directory, or None when it has not been made. Marks it as used now."""
        path = self.root / stage / product_key
        try:
            os.utime(path)
        except FileNotFoundError:
            return None
        return path

    def put(self, stage: str, product_key: str, make: Callable[[Path], None]) -> Path:
        """Make a product in a scratch directory and move it into place. Returns the winner's when two race.

        Raises HostRefused, and what `make` raises."""
        home = self.root / stage
        final = home / product_key
        with writing(home):
            home.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(prefix=".scratch-", dir=home))
            try:
                make(scratch)
                try:
                    scratch.rename(final)
                except OSError as error:
                    if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                        raise
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        self._prune(home)
        return final

    def _prune(self, home: Path) -> None:
        entries = []
        for path in home.iterdir():
            with suppress(FileNotFoundError):  # another run's scratch, moved into place meanwhile
                entries.append((path.stat().st_mtime, path))
        now = time.time()
        for number, (used, path) in enumerate(sorted(entries, reverse=True)):
            is_abandoned = path.name.startswith(".scratch-") and used < now - 86400
            is_surplus = not path.name.startswith(".") and number >= KEEP_PRODUCTS and used < now - IN_USE_S
            if is_abandoned or is_surplus:
                shutil.rmtree(path, ignore_errors=True)


@contextmanager
def locked(path: Path, *, on_wait: Callable[[str], None], pause: Callable[[float], None]) -> Iterator[int]:
    """Hold an exclusive lock on a file between processes and threads. `on_wait` is told once whom we wait for.

    Yields the lock's descriptor: a child that inherits it holds the lock too, even when we are killed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as handle:
        told = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    handle.seek(0)
                    on_wait(handle.read().strip() or "another run")
                    told = True
                pause(0.1)
        handle.seek(0)
        handle.truncate()
        handle.write(f"pid {os.getpid()}")
        handle.flush()
        yield handle.fileno()
