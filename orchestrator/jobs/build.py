"""From a subject to its kernel and guest spec: the stages of a build, in order.

`test` records each stage; `build`, `boot` and `shell` only announce it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from orchestrator.build.apply import apply
from orchestrator.build.compile import build
from orchestrator.build.configure import configure
from orchestrator.build.mutants import make_schemata
from orchestrator.build.product import Product
from orchestrator.build.programs import programs
from orchestrator.build.screen import screen
from orchestrator.build.toolchain import Toolchain, find_toolchain
from orchestrator.build.userland import userland
from orchestrator.context import Context
from orchestrator.guest.accel import Probe
from orchestrator.guest.seccomp import seccomp_options
from orchestrator.host import resources
from orchestrator.jobs.boot import BOOT_S, GuestSpec
from orchestrator.model.case import Case, Programs
from orchestrator.model.kernel import AppliedTree, Base, KernelConfig, KernelImage, Source
from orchestrator.model.machine import Accel, Machine
from orchestrator.model.report import BUILD, PROGRAMS
from orchestrator.model.request import Plan
from orchestrator.model.series import Mutant
from orchestrator.model.subject import Subject
from orchestrator.plan import only_usual, unmet_need

T = TypeVar("T")


class Stage(Protocol):
    """Does one stage under a name, and returns its value."""

    def __call__(self, name: str, work: Callable[[], Product[T]]) -> T: ...


@dataclass(frozen=True)
class Finders:
    """What takes time to find, so that finding it is a stage too."""

    base: Callable[[Source], tuple[Base, bool]]  # and whether an earlier run had it
    accel: Callable[[Machine], tuple[Accel, Probe]]  # of a host of this kind


@dataclass(frozen=True)
class Tree:
    """A subject's source. `refused` are mutants that could not be put into it, `left_out` generated ones that are not
    worth a guest, each with the reason."""

    base: Base
    applied: AppliedTree  # what is compiled
    toolchain: Toolchain
    refused: tuple[tuple[str, str], ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


Sift = Callable[[Tree], tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Built:
    """A kernel and what it was made from."""

    tree: Tree
    config: KernelConfig
    kernel: KernelImage


def check_accelerator(stage: Stage, find: Finders, machine: Machine) -> None:
    """Comes first: an accelerator that was requested and does not work is refused before minutes of compiling."""

    def work() -> Product[Accel]:
        accel, evidence = find.accel(machine)
        return Product(accel, cached=True, note=f"{accel.name}: {evidence.in_short}", detail=evidence.evidence)

    stage("accelerator", work)


def make_tree(context: Context, stage: Stage, subject: Subject, find: Finders, sift: Sift = lambda tree: ()) -> Tree:
    """toolchain, base, apply, and schemata where there are mutants; `sift` is asked which of them to leave out. Raises
    what `stage` makes of a stage's error."""
    kernel = subject.kernel
    tools = stage("toolchain", lambda: find_toolchain(context, kernel.toolchain, kernel.arch))
    base = stage("base", lambda: Product(*find.base(kernel.source)))
    applied = stage("apply", lambda: apply(context, base, kernel.series))
    if not kernel.mutants:
        return Tree(base, applied, tools)
    left_out = sift(Tree(base, applied, tools))
    names = frozenset(name for name, _ in left_out)
    combined = stage("schemata", lambda: make_schemata(context, applied, kernel.mutants, names))
    return Tree(base, combined.tree_of(kernel.own_mutant), tools, combined.refused, left_out)


def sift(
    context: Context, stage: Stage, subject: Subject, tree: Tree, mutants: Sequence[Mutant], most: int, logs: Path
) -> tuple[tuple[str, str], ...]:
    """configure and screen: which of these generated mutants are not worth a guest, with the reasons; at most the first
    `most` of the others stay. Raises what `stage` makes of a stage's error."""
    config = make_config(context, stage, subject, tree, logs)
    applied, log = tree.applied, logs / "screen.log"
    return stage(
        "screen", lambda: screen(context, subject, applied, mutants, most, config, tree.toolchain, log)
    ).left_out


def make_config(context: Context, stage: Stage, subject: Subject, tree: Tree, logs: Path) -> KernelConfig:
    """configure. Raises what `stage` makes of a stage's error."""
    log = logs / "configure.log"
    return stage("configure", lambda: configure(context, subject, tree.applied, tree.toolchain, log))


def make_programs(context: Context, stage: Stage, subject: Subject, tree: Tree, plan: Plan) -> Programs:
    """programs: needs the tree, whose selftests some are, and no kernel. Raises what `stage` makes of a stage's
    error."""
    arch = plan.machine_of(subject.kernel).arch
    tools = find_toolchain(context, arch=arch).value  # whatever the kernel is built with
    cases = [case for case in plan.cases if not only_usual(case, arch)]
    return stage(PROGRAMS, lambda: programs(context, cases, tree.applied, tools, arch))


def make_kernel(
    context: Context, stage: Stage, subject: Subject, tree: Tree, config: KernelConfig, plan: Plan, logs: Path
) -> Built:
    """build. Raises what `stage` makes of a stage's error."""
    applied, tools, log = tree.applied, tree.toolchain, logs / "build.log"
    kernel = stage(BUILD, lambda: build(context, subject, applied, config, plan.machine_of(subject.kernel), tools, log))
    return Built(tree, config, kernel)


def make_guest_spec(
    context: Context, stage: Stage, subject: Subject, built: Built, made: Programs, plan: Plan, find: Finders
) -> GuestSpec:
    """userland, where a case needs one: everything that a guest is made of besides its kernel and programs."""
    machine = plan.machine_of(subject.kernel)
    disk = _disk(context, stage, plan.cases, built, machine)
    accel, _ = find.accel(machine)
    slowdown = slowdown_of(plan, accel, subject)
    limit_s = plan.request.boot_timeout_s or BOOT_S * slowdown
    seccomp = seccomp_options(machine.qemu, context.runner) if plan.request.sandbox is not False else ()
    return GuestSpec(machine, accel, built.kernel, made, slowdown, limit_s, disk=disk, seccomp=seccomp)


def slowdown_of(plan: Plan, accel: Accel, subject: Subject) -> float:
    """By how much limits are longer than on an idle host with KVM."""
    # virtual CPUs take turns where there are more of them than real ones
    crowding = max(1.0, plan.slots * plan.machine.smp / resources.cpus())
    return accel.timeout_scale * subject.kernel.kconfig.slowdown * crowding


def _disk(context: Context, stage: Stage, cases: Sequence[Case], built: Built, machine: Machine) -> Path | None:
    """The userland image that some case needs, if this kernel can run that case."""
    symbols = built.config.symbols
    runnable = [case for case in cases if not unmet_need(case, symbols, machine.memory_mib, machine.arch)]
    name = next((case.userland for case in runnable if case.userland), None)
    return stage("userland", lambda: userland(context, context.catalog.userland(name))) if name else None
