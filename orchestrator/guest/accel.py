"""Which accelerator runs guests on this host. A probe boots something, because a /dev/kvm that opens proves nothing.

On some hosts (nested virtualisation in some clouds) /dev/kvm opens and KVM_CREATE_VM succeeds, and then every guest
hangs or QEMU aborts. The probe is a boot sector that enters long mode and leaves QEMU with a status that nothing else
produces. Its result is cached for this host, host kernel and QEMU.
"""

from __future__ import annotations

import os
import platform
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.errors import CommandFailed, UsageError
from orchestrator.guest.host_clock import tsc_khz
from orchestrator.guest.qemu_argv import in_option
from orchestrator.host.process import Command, Runner
from orchestrator.model.kernel import USUAL_ARCH
from orchestrator.model.machine import Accel, Machine
from orchestrator.storage import kept
from orchestrator.storage.manifest import file_digest
from orchestrator.storage.store import key, write_atomically

SOURCE = Path(__file__).parent / "files/probe.S"
PROVED = 85  # (0x2a << 1) | 1, as isa-debug-exit makes it
FORGET_NO_S = 3600.0
SCHEMA = 2  # of a remembered answer
PROBE_S = 5.0  # under a second where it works
QEMU = "qemu-system-x86_64"


@dataclass(frozen=True)
class Probe:
    """Whether an accelerator ran the boot sector, and what was seen."""

    accel: str
    works: bool
    evidence: str
    short: str = ""  # the same without what QEMU said; empty: there is no more to it

    @property
    def in_short(self) -> str:
        return self.short or self.evidence


def probe(accel: Accel, runner: Runner, limit_s: float = PROBE_S) -> Probe:
    """Boot the boot sector. Raises ToolMissing when QEMU or gcc is not there."""
    if accel.name == "kvm" and not os.access("/dev/kvm", os.R_OK | os.W_OK):
        there = Path("/dev/kvm").exists()
        return Probe("kvm", False, "/dev/kvm is not accessible to this user" if there else "there is no /dev/kvm")
    with tempfile.TemporaryDirectory(prefix="orchestrate-probe-") as where:
        result = runner.run(boot_sector_command(Path(where), runner, QEMU, accel), timeout_s=limit_s)
    if result.status == PROVED:
        return Probe(accel.name, True, f"a guest reached long mode and computed there in {result.time_s:.1f} s")
    said = [line for line in result.stderr.decode(errors="replace").splitlines() if "terminating on signal" not in line]
    how = f"no sign of life in {limit_s:g} s" if result.timed_out else f"QEMU ended with {result.status}"
    # registers follow the first line where KVM gives up, the reason comes last where QEMU does
    words = "; ".join(said[:1] if result.timed_out else said[-3:])
    seen = f"a tiny guest did not run: {how}"
    return Probe(accel.name, False, f"{seen} ({words})" if words else seen, seen)


def boot_sector_command(where: Path, runner: Runner, qemu: str, accel: Accel, *more: str) -> Command:
    """The boot sector, assembled in a directory, on a machine with these further arguments. Raises ToolMissing when gcc
    is not there."""
    image = where / "probe.bin"
    _assemble(image, runner)
    return Command(
        (
            qemu, "-nodefaults", "-display", "none", "-no-reboot",
            *accel.args, "-cpu", accel.cpu or "max", *more, "-m", "32",
            "-drive", f"file={in_option(image)},format=raw,if=ide,snapshot=on",
            "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
        )
    )  # fmt: skip


def choose(
    choice: str, kvm: Accel, tcg: Accel, machine: Machine, runner: Runner, remembered: Path
) -> tuple[Accel, Probe]:
    """The accelerator for a request's auto, kvm or tcg and a machine, with the evidence. Raises UsageError for kvm if
    it does not work."""
    if choice == "tcg":
        return with_clock(tcg, machine, tsc_khz()), Probe("tcg", True, "asked for")
    if machine.arch != USUAL_ARCH:
        found = Probe("kvm", False, f"it runs no guests of {machine.arch}")  # nor would the probe's guest prove it
    else:
        found = _remembered_probe(kvm, runner, remembered)
    if found.works:
        return with_clock(kvm, machine, tsc_khz()), found
    if choice == "kvm":
        more = ", or load the kvm module" if machine.arch == USUAL_ARCH else ""
        raise UsageError(f"--accel kvm: {found.evidence}", hint=f"use --accel auto or tcg{more}")
    why, in_short = (f"KVM is not usable here: {words}" for words in (found.evidence, found.in_short))
    return with_clock(tcg, machine, tsc_khz()), Probe("tcg", True, why, in_short)


def qemu_version(program: str, runner: Runner) -> str:
    """The first line that it says about itself. Raises CommandFailed, ToolMissing."""
    return runner.check(Command((program, "--version"))).text.splitlines()[0]


def with_clock(accel: Accel, machine: Machine, khz: int | None) -> Accel:
    """The accelerator with the boot parameters that tell the rate of the machine's clock, or without them if they tell
    the host's TSC and its rate is unknown."""
    words = dict(machine.clock).get(accel.name, ())
    if khz is None and any("{tsc_khz}" in word for word in words):
        return replace(accel, cmdline=())
    return replace(accel, cmdline=tuple(word.format(tsc_khz=khz) for word in words))


def _remembered_probe(accel: Accel, runner: Runner, directory: Path) -> Probe:
    version = qemu_version(QEMU, runner)
    boot_id = Path("/proc/sys/kernel/random/boot_id")
    name = key(
        "probe",
        schema=SCHEMA,
        guest=file_digest(SOURCE),
        accel=(*accel.args, accel.cpu),
        qemu=version,
        host=platform.node(),
        kernel=platform.release(),
        boot=boot_id.read_text() if boot_id.exists() else "",
        access=os.access("/dev/kvm", os.R_OK | os.W_OK),
    )
    path = directory / f"{name}.json"
    with suppress(ValueError, FileNotFoundError):  # not asked yet, or nothing that can be read
        known = kept.load(Probe, path, SCHEMA)
        # a "no" may have been a busy host: it is asked again after a while
        if known.works or time.time() - path.stat().st_mtime < FORGET_NO_S:
            return known
    found = probe(accel, runner)
    write_atomically(path, kept.dumps(found, SCHEMA))
    return found


def _assemble(image: Path, runner: Runner) -> None:
    unlinked = image.with_suffix(".o")
    for argv in (
        ("gcc", "-c", "-o", os.fspath(unlinked), os.fspath(SOURCE)),
        ("ld", "-m", "elf_x86_64", "-Ttext=0x7c00", "--oformat=binary", "-o", os.fspath(image), os.fspath(unlinked)),
    ):
        result = runner.run(Command(argv))
        if result.status != 0:
            raise CommandFailed("the accelerator probe cannot be assembled", detail=result.tail())
