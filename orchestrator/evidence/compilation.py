"""What a run recorded of a kernel that was compiled and not booted. Reads the run directory, and nothing else."""

from __future__ import annotations

from pathlib import Path

from orchestrator.model.compilation import Compilation
from orchestrator.storage import kept

COMPILATION = "compilation.json"  # in a kernel's directory
COMPILATION_SCHEMA = 1


def collect(home: Path) -> Compilation | None:
    """None if nothing was compiled, or by another version."""
    try:
        return kept.load(Compilation, home / COMPILATION, COMPILATION_SCHEMA)
    except ValueError:
        return None
