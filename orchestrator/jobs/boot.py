"""kernel + programs -> a guest that answers."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.context import Context
from orchestrator.errors import BootFailed, NoGuest, ProductDamaged, QemuCrashed
from orchestrator.guest.counters import Counting
from orchestrator.guest.guest import Guest, Identity
from orchestrator.guest.qemu_argv import Boot
from orchestrator.guest.vma_writes import VmaWatch
from orchestrator.model.case import Programs
from orchestrator.model.kernel import KernelImage
from orchestrator.model.machine import Accel, Machine
from orchestrator.words import counted

Explain = Callable[[Guest, NoGuest], NoGuest]

BOOT_S = 30.0  # native speed; a base kernel under KVM takes 1


@dataclass(frozen=True)
class GuestSpec:
    """What every guest of a suite is made of. `slowdown` scales all limits: accelerator times sanitizers."""

    machine: Machine
    accel: Accel
    kernel: KernelImage
    programs: Programs
    slowdown: float
    boot_limit_s: float
    cmdline: tuple[str, ...] = ()  # more boot parameters
    disk: Path | None = None  # the userland that some case's program lies in
    counting: Counting | None = None  # the instructions that its guests count
    stalls: Counting | None = None  # those at which its CPUs stand still now and then
    vma_writes: VmaWatch | None = None  # those that are watched for writing VMAs without their lock
    seccomp: tuple[str, ...] = ()  # what QEMU itself may not do


def boot(
    context: Context,
    spec: GuestSpec,
    directory: Path,
    *,
    outlives_us: bool = False,
    debug: Callable[[int], None] | None = None,
    explain: Explain = lambda _, error: error,
) -> tuple[Guest, Identity]:
    """Start a guest and wait until it answers. The caller closes it.

    A QEMU that crashes is started once more. The files of the first guest are kept in DIRECTORY.crashed; those of a
    guest that was given damaged products in DIRECTORY.damaged. `debug` receives the port of a gdb server; the guest
    then waits before its first instruction, without a time limit. `outlives_us`: the caller may leave the guest
    running. `explain` turns the error into the one to raise, while the failed guest still exists.

    Raises BootFailed if the kernel is at fault, GuestUnreachable if QEMU or SSH is, ProductDamaged if a product has
    changed on the disk. Whatever is raised, no QEMU is left behind.
    """
    try:
        return _boot(context, spec, directory, outlives_us, debug, explain)
    except QemuCrashed as crash:
        aside = _set_aside(directory, "crashed")
        context.warn(f"{crash.message}; booting once more, its console is in {aside}")
        return _boot(context, spec, directory, outlives_us, debug, explain)
    except ProductDamaged:
        _set_aside(directory, "damaged")  # whatever such a guest said is not to be judged
        raise


def _set_aside(directory: Path, why: str) -> Path:
    """Move the files of a failed guest to where they are not taken for those of another guest."""
    aside = directory.with_name(f"{directory.name}.{why}")
    shutil.rmtree(aside, ignore_errors=True)
    directory.rename(aside)
    return aside


def _boot(
    context: Context,
    spec: GuestSpec,
    directory: Path,
    outlives_us: bool,
    debug: Callable[[int], None] | None,
    explain: Explain,
) -> tuple[Guest, Identity]:
    machine = spec.machine
    guest = Guest(
        Boot(
            machine,
            spec.accel,
            spec.kernel.image,
            spec.programs.initramfs,
            machine.memory_mib,
            machine.smp,
            spec.cmdline,
            is_paused=debug is not None,
            disk=spec.disk,
            seccomp=spec.seccomp,
        ),
        directory,
        context.runner,
        outlives_us=outlives_us,
        counting=spec.counting,
        stalls=spec.stalls,
        vma_writes=spec.vma_writes,
    )
    try:
        if debug:
            debug(guest.qemu.serve_gdb())
        try:
            identity = guest.wait_ready(math.inf if debug else spec.boot_limit_s)
        except NoGuest as error:
            _check_products(context, spec, error)
            raise explain(guest, error) from error
        if spec.kernel.build_id and identity.build_id and identity.build_id != spec.kernel.build_id:
            raise BootFailed(
                f"the guest runs another kernel: build id {identity.build_id}, built {spec.kernel.build_id}"
            )
        if identity.cpus != machine.smp:
            # races need CPUs: a guest with fewer would pass much that it should not
            raise BootFailed(f"the guest has {counted(identity.cpus, 'CPU')}, the machine {machine.smp}")
    except BaseException:
        guest.close()
        raise
    return guest, identity


def _check_products(context: Context, spec: GuestSpec, error: NoGuest) -> None:
    """Before fault is assigned for a guest that does not boot, check that its products are what was built. Raises
    ProductDamaged, after dropping the product from the store."""
    given = {"kernel image": spec.kernel.image, "initramfs": spec.programs.initramfs}
    if spec.disk:
        given["userland's image"] = spec.disk
    gone = context.store.drop_damaged(given.values())
    if gone:
        damaged = " and ".join(f"the {what}" for what, path in given.items() if path in gone)
        raise ProductDamaged(
            f"{damaged} in the store had been damaged since it was made, and has been dropped",
            hint="run the same command again: it is made anew",
            detail=f"{error.message}\n{error.detail}".rstrip(),
        ) from error
