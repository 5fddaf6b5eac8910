"""Files that a command writes where the user wants them."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.arguments.options.reports import STDOUT
from orchestrator.errors import UsageError


def check_target(target: str) -> None:
    """Find out before the work that its report cannot be written. Raises UsageError."""
    if target == STDOUT:
        return
    path = Path(target)
    nearest = next(one for one in (path.resolve(), *path.resolve().parents) if one.exists())
    if path.is_dir():
        raise UsageError(f"{target}: is a directory")
    if not os.access(nearest, os.W_OK) or (nearest != path.resolve() and not nearest.is_dir()):
        raise UsageError(f"{target}: cannot be written")
