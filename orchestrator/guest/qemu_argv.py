"""QEMU's command line from values. Pure; each flag with its reason."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from orchestrator.model.machine import Accel, Machine

QMP_SOCKET = "qmp.sock"


@dataclass(frozen=True)
class Boot:
    """What to boot and on what. Paths are absolute; QEMU's working directory is the guest's own directory."""

    machine: Machine
    accel: Accel
    image: Path
    initramfs: Path
    memory_mib: int
    smp: int
    extra_cmdline: tuple[str, ...] = ()
    on_panic: str = "pause"  # or none, where nobody will examine it
    is_paused: bool = False  # at the first instruction, until a debugger lets it go
    disk: Path | None = None  # an image that guests share: none of them can write to it
    plugins: tuple[str, ...] = ()  # of TCG: what counts, and lets CPUs stand still
    seccomp: tuple[str, ...] = ()  # what QEMU itself may not do


# fmt: off
def argv(boot: Boot) -> tuple[str, ...]:
    """The whole command line."""
    return (
        boot.machine.qemu,
        "-nodefaults", "-no-user-config", "-display", "none",  # nothing but what is listed here
        "-no-reboot",                                    # with panic=-1: a dead kernel ends the process
        *boot.seccomp,
        *boot.machine.args,
        *boot.accel.args,
        "-cpu", boot.accel.cpu or boot.machine.cpu,
        *boot.plugins,
        # one socket each: SeaBIOS' MP table, all that a kernel without ACPI has, lists one CPU of a socket
        "-smp", f"{boot.smp},sockets={boot.smp}",
        "-m", str(boot.memory_mib),
        "-kernel", os.fspath(boot.image),
        "-initrd", os.fspath(boot.initramfs),
        "-append", cmdline(boot),
        # our pipe; signal=off: a ^C typed into a shell session must not end QEMU
        "-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
        # relative: socket paths are limited to 107 bytes, run directories are not
        "-qmp", f"unix:{QMP_SOCKET},server=on,wait=off",
        # restrict=on: the guest reaches nothing; port 0: the kernel picks a free one, so no two guests collide
        "-netdev", "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:0-10.0.2.15:22",
        "-device", f"{boot.machine.net_device},netdev=net",
        *disk(boot),
        # a guest that panics stands still, to be examined; none: it goes on to its reset
        "-device", "pvpanic-pci", "-action", f"panic={boot.on_panic}",
        *(("-S",) if boot.is_paused else ()),
    )
# fmt: on


def disk(boot: Boot) -> tuple[str, ...]:
    """The read-only disk, if there is one: /dev/vda in the guest."""
    if boot.disk is None:
        return ()
    return (
        "-drive", f"if=none,id=disk,format=raw,readonly=on,file={in_option(boot.disk)}",
        "-device", "virtio-blk-pci,drive=disk",
    )  # fmt: skip


def in_option(path: Path) -> str:
    """A path in one of QEMU's lists of options: a comma is doubled, or it would end the path."""
    return os.fspath(path).replace(",", ",,")


def cmdline(boot: Boot) -> str:
    """The kernel's command line."""
    return " ".join((*boot.machine.cmdline, *boot.accel.cmdline, *boot.extra_cmdline))
