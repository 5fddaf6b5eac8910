"""Files that somebody else wrote, read as a whole: never more than a limit, and never something that may not end.

A pipe, a socket or a device is no file in this sense: reading one can wait for ever, or fill the memory.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MIB = 1 << 20
DECLARATION = MIB  # bytes of a file that a person writes
RECORD = 256 * MIB  # bytes of a file that a run of ours wrote, or a program in a guest
_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


def read_bytes(path: Path, limit: int) -> bytes:
    """The content of a regular file. Raises OSError, whose `strerror` is for people."""
    try:
        _check_kind(path.stat().st_mode, path)  # opening a pipe waits for a writer, opening a device may do anything
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as handle:
            _check_kind(os.fstat(handle.fileno()).st_mode, path)
            data = handle.read(limit + 1)
    except ValueError as error:  # a NUL in the name
        raise OSError(errno.EINVAL, str(error), str(path)) from None
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"larger than {_size(limit)}", str(path))
    return data


def _check_kind(mode: int, path: Path) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"{_KINDS.get(stat.S_IFMT(mode), 'something')}, not a file", str(path))


def _size(limit: int) -> str:
    return f"{limit // MIB} MiB" if limit >= MIB else f"{limit} bytes"
