"""What a run sets out to do."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.model.kernel import Role


@dataclass(frozen=True)
class PlannedKernel:
    """A kernel that is to be tested: it is in the report, whether it comes to that or not."""

    name: str
    kconfig: str
    role: Role
    cases: tuple[str, ...]
