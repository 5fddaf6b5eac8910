"""What a run recorded of a kernel's cost. Reads the run directory, and nothing else."""

from __future__ import annotations

from pathlib import Path

from orchestrator.model.cost import Cost
from orchestrator.storage import kept

COST = "cost.json"  # in a kernel's directory
COST_SCHEMA = 1  # also raised when the same kernels would be compared in another way


def collect(home: Path) -> Cost | None:
    """None if it was not measured, or by another version."""
    try:
        return kept.load(Cost, home / COST, COST_SCHEMA)
    except ValueError:
        return None
