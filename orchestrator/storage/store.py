"""Content-addressed stage products, and files that appear whole or not at all.

A product is a directory named by the key of its inputs. It is made in a scratch directory, sealed with a manifest and
moved into place with one rename: its existence *is* "done", a crash leaves only scratch, and of two runs that race one
wins. Disks and people damage what exists: a product that is not what its manifest says is dropped and made anew.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import secrets
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from orchestrator.host.os_errors import situation
from orchestrator.storage import manifest

T = TypeVar("T")

KEEP_PRODUCTS = 40  # per stage; the least recently used ones go. A kernel with debug info is some 100 MB
MOST_OF_COMMAND, MOST_OF_HOLDER = 60, 200  # characters of who holds a lock
IN_USE_S = 6 * 3600  # what was used so lately may be part of a run that goes on, and stays


def key(stage: str, **inputs: Any) -> str:
    """The name of a product: sha256 over canonical JSON of the stage's name and everything that it depends on."""
    text = json.dumps([stage, inputs], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def write_atomically(path: Path, data: bytes, *, is_synced: bool = True) -> None:
    """Write a file that others see whole or not at all, with the mode that the umask gives. `is_synced`: also after a
    power failure. Raises HostRefused."""
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with scratch.open("xb") as handle:
                handle.write(data)
                if is_synced:  # else what a power failure leaves may be the name without the content
                    handle.flush()
                    os.fsync(handle.fileno())
            scratch.replace(path)
        except BaseException:
            with suppress(OSError):
                scratch.unlink(missing_ok=True)
            raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns an OSError while something is written to a path into HostRefused."""
    try:
        yield
    except OSError as error:
        raise situation(error, os.fspath(path)) from error


class Store:
    """Products of stages below one directory. `note` is told why a product was dropped, `used` which one is used."""

    def __init__(
        self,
        root: Path,
        note: Callable[[str], None] = lambda text: None,
        used: Callable[[Path], None] = lambda product: None,
    ) -> None:
        self.root = root
        self._note, self._used = note, used

    def get(self, stage: str, product_key: str) -> Path | None:
        """The directory of the product; None if it does not exist or is damaged. Marks it as used now."""
        path = self.root / stage / product_key
        if not path.is_dir():
            return None
        if wrong := manifest.problem(path):
            self.drop(path, wrong)
            return None
        try:
            os.utime(path)
        except FileNotFoundError:  # another run has made room
            return None
        self._used(path)
        return path

    def read(self, stage: str, product_key: str, reader: Callable[[Path], T]) -> T | None:
        """What `reader` makes of the product; None if there is none, or if this version cannot read it: then
        `reader` raises ValueError."""
        path = self.get(stage, product_key)
        if path is None:
            return None
        try:
            return reader(path)
        except (OSError, ValueError) as error:
            self.drop(path, f"cannot be read ({error})")
            return None

    def put(
        self, stage: str, product_key: str, make: Callable[[Path], None], digests: Mapping[str, str] | None = None
    ) -> Path:
        """Make a product in a scratch directory and move it into place. If two race, returns the winner's. `digests`:
        by file, of what `make` has hashed already. Raises HostRefused, and what `make` raises."""
        home = self.root / stage
        final = home / product_key
        with writing(home):
            home.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(prefix=".scratch-", dir=home))
            try:
                make(scratch)
                manifest.seal(scratch, digests or {})
                try:
                    scratch.rename(final)
                except OSError as error:
                    if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                        raise
                manifest.sync(home)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        self._prune(home)
        self._used(final)
        return final

    def drop(self, product: Path, wrong: str) -> None:
        """Remove a product, so that it is made anew. `wrong` is the end of a sentence about it."""
        aside = product.with_name(f".dropped-{secrets.token_hex(4)}")
        try:
            product.rename(aside)  # at once: a run that looks meanwhile finds it whole or not at all
        except FileNotFoundError:
            return
        shutil.rmtree(aside, ignore_errors=True)
        self._note(f"{product.parent.name}/{product.name} in the store {wrong}: it is dropped and made anew")

    def products(self) -> list[Path]:
        """All of them, by stage and key."""
        return sorted(path for path in self.root.glob("*/[!.]*") if path.is_dir())

    def drop_damaged(self, paths: Iterable[Path]) -> tuple[Path, ...]:
        """Hash these products, or the products that these files belong to, and drop the damaged ones. Returns the
        paths that are gone. Paths in no product are ignored."""
        gone: list[Path] = []
        for file in paths:
            parts = file.relative_to(self.root).parts if file.is_relative_to(self.root) else ()
            if len(parts) < 2:
                continue
            product = self.root.joinpath(*parts[:2])
            wrong = manifest.problem(product, by_hash=True)
            if wrong:
                self.drop(product, wrong)
                gone.append(file)
        return tuple(gone)

    def _prune(self, home: Path) -> None:
        entries = []
        for path in home.iterdir():
            with suppress(FileNotFoundError):  # another run's scratch, moved into place meanwhile
                entries.append((path.stat().st_mtime, path))
        now = time.time()
        for number, (used, path) in enumerate(sorted(entries, reverse=True)):
            is_abandoned = path.name.startswith(".") and used < now - 86400
            is_surplus = not path.name.startswith(".") and number >= KEEP_PRODUCTS and used < now - IN_USE_S
            if is_abandoned or is_surplus:
                shutil.rmtree(path, ignore_errors=True)


@contextmanager
def locked(path: Path, *, on_wait: Callable[[str], None], pause: Callable[[float], None]) -> Iterator[int]:
    """Hold an exclusive lock on a file between processes and threads. `on_wait` is told who holds it, and again when
    that changes: pid, command and since when. Yields the lock's descriptor: a child that inherits it holds the lock
    too, even when we are killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", errors="replace") as handle:
        told = ""
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                handle.seek(0)
                holder = handle.read(MOST_OF_HOLDER).strip() or "another run"
                if holder != told:
                    on_wait(holder)
                    told = holder
                pause(0.1)
        handle.seek(0)
        handle.truncate()
        handle.write(_ourselves())
        handle.flush()
        yield handle.fileno()


def _ourselves() -> str:
    """`pid 4711 (orchestrate test --patch vm_refcnt, since 14:02)`. A long command is cut."""
    program = Path(sys.argv[0])
    name = program.parent.name if program.name == "__main__.py" else program.name
    command = shlex.join((name, *sys.argv[1:]))
    return f"pid {os.getpid()} ({command[:MOST_OF_COMMAND]}, since {time.strftime('%H:%M')})"


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Take a lock for a moment if nobody holds it; whether that worked. Writes nothing, because the time of a lock
    is when somebody last worked under it. A lock without a file is free."""
    if not path.is_file():
        yield True
        return
    with path.open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def is_held(path: Path) -> bool:
    """Whether somebody holds a lock."""
    with try_lock(path) as is_ours:
        return not is_ours
