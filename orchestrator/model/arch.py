"""What kernels are built for: kinds of CPUs, and what building and running for them takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HostTool:
    """Something that the host must have: a program on PATH, a file, a header or a static library that a gcc finds."""

    package: str  # Debian's
    why: str
    program: str = ""
    file: str = ""
    header: str = ""
    static: str = ""
    elsewhere: tuple[tuple[str, str], ...] = ()  # by family of distributions: what the package is called there
    optional: bool = False

    @property
    def name(self) -> str:
        return self.program or self.file or self.header or f"lib{self.static}.a"

    def package_of(self, family: str) -> str:
        """Empty: this family of distributions has none."""
        return dict(self.elsewhere).get(family, self.package)


@dataclass(frozen=True)
class Arch:
    """An architecture, from data/archs. One without a machine is for builds alone."""

    name: str
    make: str  # make's ARCH
    source: str  # its directory below the kernel's arch/
    uname: str  # what a host of it says of itself: there compilers need no prefix
    kconfig: str  # the symbol that a .config for it has, and that of no other has
    cross: str  # elsewhere: what the names of its gcc and binutils begin with
    machine: str = ""  # the one that its kernels boot on unless another is named
    debian: str = ""  # Debian's name of it: the guest's userland is made of Debian's packages
    suite: str = ""  # of Debian, to take them from where the suites of the host do not have it
    tool: tuple[HostTool, ...] = ()  # what a host of another kind needs beyond data/tools.toml

    @property
    def cpu(self) -> str:
        """The first word of what its compilers say they compile for."""
        return self.cross.partition("-")[0]

    def is_of(self, machine: str) -> bool:
        """Whether a host that says so of itself runs its programs."""
        return machine == self.uname
