"""What compilers say of a series in a kernel that is not booted."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.model.static_finding import StaticFinding


@dataclass(frozen=True)
class NewFinding:
    """What a compiler says with the series and not of the base. `patch` is the number, from 1, of the first patch
    behind which it says so."""

    patch: int
    finding: StaticFinding


@dataclass(frozen=True)
class Uncompiled:
    """Lines first to last of a file that the series wrote or changed, and why this kernel does not have them."""

    file: str
    first: int
    last: int
    why: str


@dataclass(frozen=True)
class Compilation:
    """`sources` were compiled: those that the series changes, and some that use what it changes in headers, of which
    `left_out` more were not."""

    sources: tuple[str, ...]
    left_out: int
    new: tuple[NewFinding, ...]
    uncompiled: tuple[Uncompiled, ...]
