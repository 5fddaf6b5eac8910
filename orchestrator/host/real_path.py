"""Paths as a user writes them -> paths to work with."""

from __future__ import annotations

import os
from pathlib import Path


def real_path(path: str | Path) -> Path:
    """Absolute, and without symbolic links. A link that leads to itself stays one: whoever opens it says what it is,
    where Path.resolve (before Python 3.13) raises RuntimeError."""
    return Path(os.path.realpath(path))


def at_home(path: str | Path) -> Path:
    """~ and ~user spelled out, where there is one: Path.expanduser raises RuntimeError for ~nobody."""
    return Path(os.path.expanduser(path))  # noqa: PTH111, as above
