"""Files that a command writes where the user wants them."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.arguments.options.reports import STDOUT
from orchestrator.errors import UsageError
from orchestrator.host.real_path import real_path
from orchestrator.storage.store import write_atomically, writing


def check_target(target: str) -> None:
    """Find out before the work that its report cannot be written. Raises UsageError."""
    if target == STDOUT:
        return
    path = Path(target)
    if path.is_dir():
        raise UsageError(f"{target}: is a directory")
    if not is_writable(path):
        raise UsageError(f"{target}: cannot be written")


def write_target(path: Path, data: bytes) -> None:
    """Others see a file whole or not at all. What is no file (a device, a shell's pipe), or a link, stays what it is
    and is written into. Raises HostRefused."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        with writing(path):
            write_into(path, data)
    else:
        write_atomically(path, data)


def write_into(path: Path, data: bytes) -> None:
    """Raises OSError, also for a pipe that nobody reads."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    with os.fdopen(handle, "wb") as file:
        os.set_blocking(handle, True)
        file.write(data)


def is_writable(path: Path) -> bool:
    """Whether what is there can be written to, or the nearest directory above what is not there yet."""
    if path.exists():
        return os.access(path, os.W_OK)  # as it is named: a shell's /dev/fd/63 leads to a pipe, which has no path
    path = real_path(path)
    nearest = next(one for one in (path, *path.parents) if os.path.lexists(one))  # also a link to itself
    return os.access(nearest, os.W_OK) and nearest.is_dir()
