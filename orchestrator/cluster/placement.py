"""Which worker gets a job. Pure: workers as they announce themselves, and what this client has given them.

A slot of a worker is a guest, as on one machine: a build takes all slots of its worker and none elsewhere. Runs may
have guests of different sizes, so what is used of a worker is a share of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from orchestrator import codec
from orchestrator.model.job import TAKES_ALL_CPUS, Job, Session
from orchestrator.model.kernel import USUAL_ARCH
from orchestrator.model.subject import Subject

BEST_FIRST = ("kvm", "tcg")  # accelerators


@dataclass(frozen=True)
class Announced:
    """What a worker says of its machine. `warm` are build directories that make has worked in: BASE/ROLE/KCONFIG;
    `kernels` the keys of those in its store; `compilers` pairs of toolchain and version line. `files` is the URL of its
    file server; `life` is another each time it is started."""

    version: str
    life: str
    name: str
    arch: str
    accel: str
    cpus: int
    memory_mib: int
    files: str
    compilers: tuple[tuple[str, str], ...] = ()
    bases: tuple[str, ...] = ()
    warm: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Told:
    """An announcement as far as it can be read: the rest of one of another version may differ from ours."""

    version: str
    name: str
    about: Announced | None


@lru_cache(maxsize=4096)  # a worker says the same again and again
def read_announcement(text: str, ours: str) -> Told:
    """`ours` is our version."""
    told = json.loads(text)
    theirs = str(told.get("version"))
    return Told(theirs, str(told.get("name") or ""), codec.decode(Announced, told) if theirs == ours else None)


@dataclass(frozen=True)
class Member:
    """A worker: where it is reached, and how many guests it may have at a time."""

    address: str
    slots: int
    about: Announced


@dataclass(frozen=True)
class Wanted:
    """What a run needs of a worker: equal code, equal compilers, its architecture."""

    version: str
    arch: str
    compilers: tuple[tuple[str, str], ...]


def compiler_label(toolchain: str, arch: str) -> str:
    """What the compiler of a toolchain for an architecture is called between machines."""
    return toolchain if arch == USUAL_ARCH else f"{toolchain} for {arch}"


def unfit(about: Announced, wanted: Wanted) -> str:
    """Why a worker cannot work for a run, as the end of a sentence; empty if it can."""
    if about.version != wanted.version:
        return f"is orchestrate {about.version}, and this is {wanted.version}"
    if about.arch != wanted.arch:
        return f"runs {about.arch}, and the kernels are for {wanted.arch}"
    has = dict(about.compilers)
    for toolchain, version in wanted.compilers:
        if has.get(toolchain) != version:
            return f"has {has.get(toolchain) or f'no {toolchain}'}, and kernels are built with {version}"
    return ""


def of_one_class(members: Sequence[Member], accel: str) -> tuple[Member, ...]:
    """The workers whose guests run alike and best: speeds and races of others would not compare. `accel` is the one
    that was asked for, or auto."""
    classes = [name for name in BEST_FIRST if any(one.about.accel == name for one in members)]
    best = accel if accel != "auto" else next(iter(classes), "")
    if accel == "tcg":  # which every machine can
        return tuple(members)
    return tuple(one for one in members if one.about.accel == best)


def takes(job: Job, member: Member) -> Fraction:
    """The share of its worker."""
    return Fraction(1) if isinstance(job, TAKES_ALL_CPUS) else Fraction(1, member.slots)


def place(
    job: Job, members: Sequence[Member], used: Mapping[str, Fraction], avoided: Set[str], kept_free: Set[str]
) -> Member | None:
    """The worker for a job, None if it has to wait. `used` are shares by address; `avoided` are lives of workers that
    failed this job; `kept_free` are the addresses of those that a build waits for."""
    free = [
        one
        for one in members
        if one.about.life not in avoided
        and used.get(one.address, 0) + takes(job, one) <= 1
        and one.address not in kept_free
    ]
    return min(free, key=lambda one: _rank(job, one, used), default=None)


def awaited(job: Job, members: Sequence[Member], avoided: Set[str]) -> Member | None:
    """The worker that a build waits for where none is idle."""
    left = [one for one in members if one.about.life not in avoided]
    return min(left, key=lambda one: _rank(job, one, {}), default=None) if isinstance(job, TAKES_ALL_CPUS) else None


def _rank(
    job: Job, member: Member, used: Mapping[str, Fraction]
) -> tuple[float, ...] | tuple[float, float, float, str]:
    """Smaller is better."""
    share = float(used.get(member.address, 0))
    if isinstance(job, Session):
        return (share, -float(member.slots), 0.0, member.address)
    is_cold = not any(_is_warm(name, job.subject) for name in member.about.warm)
    return (float(is_cold), share, -float(member.about.cpus), member.address)


def warm_name(base: str, role: str, kconfig: str) -> str:
    return f"{base}/{role}/{kconfig}"


def _is_warm(name: str, subject: Subject) -> bool:
    base, role, kconfig = name.rsplit("/", 2)
    source = subject.kernel.source
    is_of_base = base.startswith(f"{source.revision}-") if source.revision and not source.tree else True
    return is_of_base and role == subject.worktree and kconfig == subject.kernel.variant.name
