"""Refusals of the operating system as errors of ours: one line that names the thing and the remedy."""

from __future__ import annotations

import errno
import os
import traceback

from orchestrator.errors import DiskFull, HostRefused, OrchestrateError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_WAYS_OUT = {
    **dict.fromkeys(_FULL, "free some space and run the same command again: what was done is kept"),
    **dict.fromkeys(
        (errno.EROFS, errno.EACCES, errno.EPERM),
        "XDG_CACHE_HOME and XDG_STATE_HOME name other directories for what is kept, TMPDIR for what is not",
    ),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "raise the limit of open files: ulimit -n"),
    errno.EIO: "the kernel's log says what is wrong with the device: dmesg",
}


def refusal(words: str, about: str) -> OrchestrateError | None:
    """The refusal of the operating system in a tool's output (in English), as `situation` would describe it; None if
    there is none. EACCES does not count: a patch can cause it, with a script that lacks its x bit."""
    for number in _WAYS_OUT.keys() - {errno.EACCES, errno.EPERM}:
        if os.strerror(number) in words or (number == errno.ENOSPC and "Out of diskspace" in words):  # git's own
            return situation(OSError(number, os.strerror(number)), about)
    return None


def situation(error: OrchestrateError | OSError, about: str = "") -> OrchestrateError:
    """An error of the operating system as one of ours, which names the path, the reason and the remedy. One of ours is
    returned as it is. `about` is the path if the error has none: write(2) and close(2) do not name one."""
    if isinstance(error, OrchestrateError):
        return error
    named = (error.filename, error.filename2)
    paths = [os.fsdecode(path) for path in named if isinstance(path, str | bytes)] or ([about] if about else [])
    reason = error.strerror or str(error) or type(error).__name__
    kind = DiskFull if error.errno in _FULL else HostRefused
    where = traceback.extract_tb(error.__traceback__)[-1:]
    return kind(
        f"{' -> '.join(paths)}: {reason}" if paths else reason,
        hint=_WAYS_OUT.get(error.errno or 0, ""),
        # without a path the place in our code is all there is to go by
        detail="" if paths else "".join(f"in {frame.name}, {frame.filename}:{frame.lineno}" for frame in where),
    )
