"""Test cases as declared, and their programs as built."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


@dataclass(frozen=True)
class Needs:
    """What a test case requires. A guest that lacks it skips the case and says so."""

    memory_mib: int = 0
    kconfig: tuple[str, ...] = ()  # with or without CONFIG_

    @property
    def symbols(self) -> tuple[str, ...]:
        """The required symbols, as fragments and a .config name them."""
        return tuple(f"CONFIG_{name.removeprefix('CONFIG_')}" for name in self.kconfig)


class Dialect(Enum):
    """How the output of a case's program is read."""

    KTAP = "ktap"  # our own programs': a line that is missing is a failure
    KSELFTEST = "kselftest"  # the exit status is the result (4: skipped); TAP in it, if any, are the subtests
    LTP = "ltp"  # places in a program's source that say TPASS, TFAIL, TBROK, TCONF or TWARN; its exit status is bits
    KUNIT = "kunit"  # the KTAP that the kernel itself writes to the console while it boots
    STRESS_NG = "stress-ng"  # its own words for passed, failed and skipped stressors, and its table of metrics


@dataclass(frozen=True)
class Case:
    """A test case: one program and its arguments, declared by a directory under testcases/.

    Its program is made of C sources of the directory, or is a selftest of the tree under test, or lies in the image
    of a distribution's userland. A case without a program is what the kernel does when it is booted with `boot`. A
    directory that declares several cases is their `group`; their names are then
    GROUP.NAME. Apart from name, directory and group the fields are the keys of a testcase.yaml.
    """

    name: str
    summary: str
    directory: Path
    sources: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    duration_s: float = 5.0
    timeout_s: float = 15.0  # beyond the duration, before scaling
    needs: Needs = field(default_factory=Needs)
    tags: tuple[str, ...] = ()
    expects: tuple[str, ...] = ()  # expressions for titles of kernel reports that must come and are no failure
    group: str = ""
    output: Dialect = Dialect.KTAP
    kselftest: str = ""  # COLLECTION/PROGRAM below tools/testing/selftests
    userland: str = ""  # the image that holds the program
    program: str = ""  # the program's name in that image
    sysctls: tuple[tuple[str, str], ...] = ()  # settings of the guest's kernel while it runs: vm.overcommit_memory=1
    debugfs: tuple[tuple[str, str], ...] = ()  # the same below /sys/kernel/debug: failslab/ignore-gfp-wait=N
    cgroup: tuple[tuple[str, str], ...] = ()  # files of a memory cgroup that the program runs in: memory.max=16M
    boot: tuple[str, ...] = ()  # parameters of a kernel that is booted for this case, which is what it prints meanwhile
    unfit: str = ""  # why it is never run, and so reported as skipped


@dataclass(frozen=True)
class Userland:
    """A distribution's userland as an image: its packages, and the directories of theirs that no program here needs."""

    name: str
    packages: tuple[str, ...]
    drop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Programs:
    """The cases as static programs, and the shared part of the guest's initramfs that holds them.

    `unbuilt` are cases whose program the tree under test could not build, each with the compiler's first error;
    `lacking` are those for whose program the host lacks something.
    """

    initramfs: Path
    digest: str
    unbuilt: tuple[tuple[str, str], ...] = ()
    lacking: tuple[tuple[str, str], ...] = ()
