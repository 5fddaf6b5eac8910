"""From a base to a bootable kernel: what goes in, and what the stages make of it."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path, PurePath

from orchestrator.model.series import Mutant, Patch, Series


class Role(Enum):
    """The role that a question gives to a kernel; it is not part of the kernel."""

    PATCHED = "patched"
    BASELINE = "baseline"  # the plain base
    MUTATED = "mutated"  # the series with all mutants built in, of which at most one is switched on
    PER_PATCH = "per-patch"  # the first patches of the series
    BISECTED = "bisected"  # a commit between a good and a bad one
    COMPILED = "compiled"  # the series, as far as its files go: nothing boots


@dataclass(frozen=True)
class Source:
    """The base of a kernel as the user names it: a revision of a git tree, or a Debian package. `below` are patches
    that the series requires: they belong to the base, not to what is tested."""

    tree: str = ""  # a directory, absolute; empty: a package
    revision: str = ""
    below: tuple[Patch, ...] = ()


@dataclass(frozen=True)
class Base:
    """The commit that a series applies to, in a git store of our own (which may borrow a user's objects)."""

    name: str
    commit: str
    origin: str  # for people: package and version, or tree and revision
    home: Path  # our directory for this base: the object store, worktrees, build directories
    url: str = ""  # of the remote that the branch comes from, without credentials
    branch: str = ""  # of the user's tree
    under: str = ""  # the commit below the patches that the series requires; empty: there are none


@dataclass(frozen=True)
class Fragment:
    """A kconfig fragment, or a whole .config. `symbols` maps CONFIG_X to its value; "n" is `# CONFIG_X is not set`."""

    name: str
    path: Path
    symbols: tuple[tuple[str, str], ...]
    slowdown: float = 1.0  # how much longer everything takes: from its line "# slowdown: X"
    may_lack: tuple[tuple[str, str], ...] = ()  # symbols that a tree need not know, each with the version since when
    # by architecture: the symbols there, where "# arch: X" stands above some; `symbols` are those of all others
    on_arch: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    for_tinyconfig: tuple[str, ...] = ()  # symbols that a whole .config decides for itself
    whole_of: str = ""  # of a whole .config, which takes the place of tinyconfig: its architecture
    is_demand: bool = True  # whether a tree that does not take a symbol cannot be tested

    @property
    def enabled(self) -> frozenset[str]:
        """The symbols that it switches on."""
        return frozenset(name for name, value in self.symbols if value == "y")

    def on(self, arch: str) -> Fragment:
        """With the symbols that it has on an architecture."""
        return replace(self, symbols=dict(self.on_arch).get(arch, self.symbols))

    @property
    def over_whole(self) -> Fragment:
        """As it is over a whole .config: without the symbols that suit tinyconfig alone."""

        def kept(symbols: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
            return tuple((name, value) for name, value in symbols if name not in self.for_tinyconfig)

        return replace(
            self, symbols=kept(self.symbols), on_arch=tuple((arch, kept(symbols)) for arch, symbols in self.on_arch)
        )


@dataclass(frozen=True)
class Kconfig:
    """Fragments over tinyconfig, or over a whole .config, which is the first of them; later ones win. `name` joins the
    names of those that were asked for: debug+kasan. `files` are the paths of those that are none of the catalog's."""

    name: str
    fragments: tuple[Fragment, ...]
    files: tuple[str, ...] = ()

    @property
    def whole(self) -> Fragment | None:
        """The whole .config in the place of tinyconfig, if there is one."""
        return self.fragments[0] if self.fragments and self.fragments[0].whole_of else None

    @property
    def laid_over(self) -> tuple[Fragment, ...]:
        """What is laid over tinyconfig, or over the whole .config."""
        return self.fragments[1:] if self.whole else self.fragments

    @property
    def enabled(self) -> frozenset[str]:
        """The symbols that its fragments switch on."""
        return frozenset().union(*(fragment.enabled for fragment in self.fragments))

    @property
    def slowdown(self) -> float:
        """How much slower this kernel is than base. It scales every limit in the guest."""
        return math.prod(fragment.slowdown for fragment in self.fragments)

    def on(self, arch: str) -> Kconfig:
        """As it is on an architecture."""
        return replace(self, fragments=tuple(fragment.on(arch) for fragment in self.fragments))


USUAL_TOOLCHAIN = "gcc"
USUAL_ARCH = "x86_64"


@dataclass(frozen=True)
class Variant:
    """How kernels are configured and compiled, and for what. What is asked about a series is asked for each variant."""

    kconfig: Kconfig
    toolchain: str = USUAL_TOOLCHAIN  # as in Kernel
    arch: str = USUAL_ARCH

    @property
    def name(self) -> str:
        return variant_name(self.kconfig.name, self.toolchain, self.arch)


def variant_name(kconfig: str, toolchain: str, arch: str = USUAL_ARCH) -> str:
    """`debug+kasan`; of another architecture or compiler than the usual `debug+kasan.arm64.clang-19`."""
    name = kconfig if arch == USUAL_ARCH else f"{kconfig}.{arch}"
    if toolchain == USUAL_TOOLCHAIN:
        return name
    where = PurePath(toolchain)
    return f"{name}.{where.parent.name if where.name == 'bin' else where.name}"


@dataclass(frozen=True)
class Kernel:
    """What a kernel is made of, and nothing else: equal values are the same kernel, whatever its role.

    All `mutants` are built in; each is switched on by its number, counted from 1. `own_mutant` names the one that is
    applied for good, because it cannot be switched.
    """

    source: Source
    kconfig: Kconfig
    series: Series | None = None
    mutants: tuple[Mutant, ...] = ()
    own_mutant: str = ""
    arch: str = USUAL_ARCH
    toolchain: str = USUAL_TOOLCHAIN  # a name of build/toolchains.py, or the directory that it lies in

    @property
    def variant(self) -> Variant:
        return Variant(self.kconfig, self.toolchain, self.arch)

    @property
    def id(self) -> str:
        """A digest of everything above. Authors and subjects of mails are not part of it."""
        parts = (
            (self.source.tree, self.source.revision, [patch.sha256 for patch in self.source.below]),
            [patch.sha256 for patch in self.series.patches] if self.series else [],
            [fragment.symbols for fragment in self.kconfig.fragments],
            [mutant.digest for mutant in self.mutants],
            self.own_mutant,
            self.arch,
            self.toolchain,
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class AppliedTree:
    """The base with (or without) the series, as a git tree object. `files` are those that the series touches. `commits`
    are those of its patches, in order, the first on top of the base's. Mutants on top are in `tree` alone."""

    base: Base
    tree: str
    files: tuple[str, ...]
    commits: tuple[str, ...] = ()


@dataclass(frozen=True)
class KernelConfig:
    """A complete .config that has every requested symbol. `symbols` are those that are set, as C sees them: what is a
    module is CONFIG_X_MODULE."""

    path: Path
    digest: str
    symbols: frozenset[str]


@dataclass(frozen=True)
class KernelImage:
    """A built kernel. `build_id` is the GNU build id of vmlinux in hex; the running guest must show the same."""

    image: Path
    vmlinux: Path
    config: Path
    release: str
    build_id: str
    compiler: str
    warnings: tuple[str, ...] = ()  # of files that the series touches
    compiled: int = 0  # objects that make asked the compiler for; 0 when the product came from the store
