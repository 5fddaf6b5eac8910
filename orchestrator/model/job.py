"""Jobs: frozen values with everything that is needed to do them."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.model.attempt import Planned
from orchestrator.model.kernel import Kernel
from orchestrator.model.subject import Subject


@dataclass(frozen=True)
class Configure:
    """Make a kernel's configuration, and no kernel yet."""

    subject: Subject


@dataclass(frozen=True)
class MakePrograms:
    """Make the programs of the cases, and no kernel yet: which cases need no guest of it, as far as it is known
    then?"""

    subject: Subject


@dataclass(frozen=True)
class Build:
    """Make a kernel."""

    subject: Subject


@dataclass(frozen=True)
class HostTest:
    """Test the subject's source on the host, without any kernel."""

    subject: Subject
    test: str


@dataclass(frozen=True)
class StaticChecks:
    """Run compilers and checkers on the last patch of a subject. `before` is the kernel without that patch."""

    subject: Subject
    before: Kernel


@dataclass(frozen=True)
class CompareBuilds:
    """Compare a built kernel with its base: what does the series cost?"""

    subject: Subject


@dataclass(frozen=True)
class CompileChanged:
    """Compile what the series changes, with it and without it: does a compiler say anything new?"""

    subject: Subject


@dataclass(frozen=True)
class Session:
    """Boot a kernel and make attempts in its guest, one after the other. `number` tells the sessions of a subject
    apart."""

    subject: Subject
    attempts: tuple[Planned, ...]
    number: int = 1
    stop_at_failure: bool = False
    boot_limit_s: float | None = None  # None: scaled from what a boot takes

    @property
    def cases(self) -> tuple[str, ...]:
        """By name, as often as they are attempted."""
        return tuple(planned.case for planned in self.attempts)


Job = Configure | MakePrograms | Build | HostTest | StaticChecks | CompareBuilds | CompileChanged | Session
TAKES_ALL_CPUS = (MakePrograms, Build, CompareBuilds)  # they compile: make uses every CPU by itself
