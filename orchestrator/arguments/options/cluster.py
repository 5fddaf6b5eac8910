"""Who does the jobs."""

from __future__ import annotations

from pathlib import Path

from orchestrator.arguments.command import Group, option

EXECUTOR = option(
    "--executor",
    metavar="WHO",
    help="who builds and boots: local (the default), or dask://HOST:PORT, the workers of that scheduler",
)
IDENTITY = option(
    "--identity",
    type=Path,
    metavar="DIR",
    completes="directory",
    help="the certificates of the cluster (default: ~/.config/orchestrate/cluster)",
)
WHERE = Group("machines", (EXECUTOR, IDENTITY))
