"""The chain of stages up to a spec: from what a plan names to a kernel and a guest's userland.

The same chain serves `test`, which records each stage, and `build`, `boot` and `shell`, which only announce it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from orchestrator import host_cpus
from orchestrator.build.apply import apply
from orchestrator.build.compile import build
from orchestrator.build.configure import configure
from orchestrator.build.mutants import weave
from orchestrator.build.product import Product
from orchestrator.build.programs import programs
from orchestrator.build.toolchain import Toolchain, find_toolchain
from orchestrator.build.userland import userland
from orchestrator.context import Context
from orchestrator.guest.accel import Probe
from orchestrator.jobs.boot import BOOT_S, GuestSpec
from orchestrator.model.kernel import AppliedTree, Base, Kernel, KernelConfig, Variant
from orchestrator.model.machine import Accel
from orchestrator.model.request import Plan, Suite
from orchestrator.plan import series_of, unmet_need

T = TypeVar("T")


class Stage(Protocol):
    """Does one stage, by whatever name, and returns its value."""

    def __call__(self, name: str, work: Callable[[], Product[T]]) -> T: ...


@dataclass(frozen=True)
class Sources:
    """What takes a while to find out, so that finding it is a stage too."""

    find_base: Callable[[], tuple[Base, bool]]  # and whether an earlier run had it
    find_accel: Callable[[], tuple[Accel, Probe]]


@dataclass(frozen=True)
class Built:
    """A kernel and what it was made from."""

    base: Base
    applied: AppliedTree  # what was compiled
    config: KernelConfig
    kernel: Kernel
    toolchain: Toolchain
    refused: tuple[tuple[str, str], ...] = ()  # mutants that could not be seeded, and why


def check_accelerator(stage: Stage, sources: Sources) -> None:
    """First of all: one that was asked for and cannot be had is refused before minutes of compiling."""

    def find() -> Product[Accel]:
        accel, evidence = sources.find_accel()
        return Product(accel, cached=True, note=f"{accel.name}: {evidence.evidence}")

    stage("accelerator", find)


def make_kernel(context: Context, stage: Stage, plan: Plan, suite: Suite, sources: Sources, logs: Path) -> Built:
    """base -> apply (-> weave) -> configure -> build. Raises what `stage` makes of a stage's error."""
    series = series_of(suite, plan)
    refused: tuple[tuple[str, str], ...] = ()
    tools = stage("toolchain", lambda: find_toolchain(context))
    base = stage("base", lambda: Product(*sources.find_base()))
    applied = stage("apply", lambda: apply(context, base, series))
    if suite.variant is Variant.MUTATED:
        plain = applied
        woven = stage("weave", lambda: weave(context, plain, plan.mutants))
        applied, refused = woven.tree_of(suite.mutant), woven.refused
    config = stage("configure", lambda: configure(context, suite, applied, tools, logs / "configure.log"))
    kernel = stage("build", lambda: build(context, suite, applied, config, plan.machine, tools, logs / "build.log"))
    return Built(base, applied, config, kernel, tools, refused)


def make_guest_spec(
    context: Context, stage: Stage, plan: Plan, suite: Suite, built: Built, sources: Sources
) -> GuestSpec:
    """programs -> userland -> spec: everything that a guest is made of."""
    made = stage("programs", lambda: programs(context, plan.cases, built.applied, built.toolchain))
    disk = _disk(context, stage, plan, built)
    accel, _ = sources.find_accel()
    # virtual CPUs take turns where there are more of them than real ones
    crowding = max(1.0, plan.guests_at_once * plan.machine.smp / host_cpus.cpus())
    slowdown = accel.timeout_scale * suite.kconfig.slowdown * crowding
    limit_s = plan.request.boot_timeout_s or BOOT_S * slowdown
    return GuestSpec(plan.machine, accel, built.kernel, made, slowdown, limit_s, disk=disk)


def _disk(context: Context, stage: Stage, plan: Plan, built: Built) -> Path | None:
    """The image of the userland that some case needs, if this kernel can run that case."""
    runnable = [case for case in plan.cases if not unmet_need(case, built.config.symbols, plan.machine.memory_mib)]
    name = next((case.userland for case in runnable if case.userland), None)
    return stage("userland", lambda: userland(context, context.catalog.userland(name))) if name else None
