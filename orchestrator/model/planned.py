"""What a run is going to do."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.model.kernel import Role


@dataclass(frozen=True)
class PlannedKernel:
    """A kernel that is going to be tested. It is in the report, whether it was tested or not."""

    name: str
    kconfig: str
    role: Role
    cases: tuple[str, ...]
    toolchain: str = ""
    arch: str = ""
    kconfig_files: tuple[str, ...] = ()
