"""Files that a command writes where the user wants them."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.arguments.options.reports import STDOUT
from orchestrator.errors import UsageError
from orchestrator.real_path import real_path


def check_target(target: str) -> None:
    """Find out before the work that its report cannot be written. Raises UsageError."""
    if target == STDOUT:
        return
    path = Path(target)
    if path.is_dir():
        raise UsageError(f"{target}: is a directory")
    if not is_writable(path):
        raise UsageError(f"{target}: cannot be written")


def is_writable(path: Path) -> bool:
    """Whether what is there can be written to, or the nearest directory above what is not there yet."""
    path = real_path(path)
    nearest = next(one for one in (path, *path.parents) if os.path.lexists(one))  # also a link to itself
    return os.access(nearest, os.W_OK) and (nearest == path or nearest.is_dir())
