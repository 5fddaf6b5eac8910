"""data/{machines,accels,userlands}/*.toml: what a kernel boots on, and the distributions that guests may use."""

from __future__ import annotations

import tomllib
from pathlib import Path

from orchestrator.declarations.entry import Entry
from orchestrator.model.case import Userland
from orchestrator.model.machine import Accel, Machine


def read_machine(path: Path) -> Machine:
    """A kind of virtual machine. Raises BadDeclaration."""
    entry = Entry(path, tomllib.loads(path.read_text()))
    machine = Machine(
        name=path.stem,
        arch=entry.take("arch", str),
        qemu=entry.take("qemu", str),
        args=entry.strings("args"),
        image=entry.take("image", str),
        net_device=entry.take("net_device", str),
        cmdline=entry.strings("cmdline"),
        smp=int(entry.number("smp")),
        memory_mib=int(entry.number("memory_mib")),
    )
    entry.done()
    return machine


def read_accel(path: Path) -> Accel:
    """A way to execute guests. Raises BadDeclaration."""
    entry = Entry(path, tomllib.loads(path.read_text()))
    accel = Accel(path.stem, entry.strings("args"), entry.number("timeout_scale"), entry.strings("cmdline", ()))
    entry.done()
    return accel


def read_userland(path: Path) -> Userland:
    """A distribution's userland. Raises BadDeclaration."""
    entry = Entry(path, tomllib.loads(path.read_text()))
    userland = Userland(path.stem, entry.strings("packages"), entry.strings("drop", ()))
    entry.done()
    return userland
