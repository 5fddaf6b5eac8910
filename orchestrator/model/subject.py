"""A kernel in the role that a question gives it."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.model.kernel import Kernel, Role


@dataclass(frozen=True)
class Subject:
    """What is tested under one name. `name` is its directory in the run directory and its name in reports. The same
    kernel may be the subject of several questions."""

    kernel: Kernel
    role: Role
    name: str
    mutant: int | None = None  # the number of the mutant that is tested; None: there is none
    delays: tuple[str, ...] = ()  # boot parameters of delay points

    @property
    def worktree(self) -> str:
        """The name of the build worktree for its source. Kernels that differ little share one."""
        return self.role.value


def patched(kernel: Kernel) -> Subject:
    """The kernel under test: with the whole series."""
    return Subject(kernel, Role.PATCHED, f"{kernel.variant.name}.patched")


def baseline(kernel: Kernel) -> Subject:
    """The plain base: without anything that `kernel` adds to it."""
    plain = Kernel(kernel.source, kernel.kconfig, arch=kernel.arch, toolchain=kernel.toolchain)
    return Subject(plain, Role.BASELINE, f"{kernel.variant.name}.baseline")
