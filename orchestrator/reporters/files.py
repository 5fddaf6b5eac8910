"""The ends of files that may be huge."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.host.real_path import real_path


def read_tail(root: Path, name: str, limit: int) -> tuple[bytes, int]:
    """The last `limit` bytes of a file below `root`, and its whole size. Nothing when there is no such regular file.

    `name` comes from a report, which may come from elsewhere: a path that leaves `root` reads nothing.
    """
    if not name or "\0" in name:
        return b"", 0
    try:
        path = real_path(root / name)
        if not path.is_relative_to(real_path(root)) or not path.is_file():
            return b"", 0
        with path.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - limit))
            return stream.read(limit), size
    except (OSError, ValueError):  # gone, unreadable, a loop of links, or a name no file can have
        return b"", 0
