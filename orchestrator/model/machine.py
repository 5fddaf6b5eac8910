"""What a kernel boots on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """A kind of virtual machine: QEMU binary and arguments, console, kernel image and command line."""

    name: str
    arch: str
    qemu: str
    args: tuple[str, ...]
    image: str  # make target's product inside the build directory: the file that QEMU is given
    net_device: str
    cmdline: tuple[str, ...]
    smp: int
    memory_mib: int
    cpu: str = "max"  # QEMU's model where the accelerator has none of its own
    # by accelerator: boot parameters that tell the rate of the guest's clock; {tsc_khz} is the host's, and without one
    # they are left out
    clock: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class Accel:
    """What executes the guest's instructions. `timeout_scale` multiplies every limit inside the guest. A guest that has
    not answered for `silence_s` is frozen."""

    name: str
    args: tuple[str, ...]
    timeout_scale: float
    cpu: str = ""  # QEMU's model of the CPUs; empty: the machine's
    # A healthy guest answers in milliseconds, an overloaded emulated one in tenths of a second. With the 2 s between
    # two pings this keeps the promise that a frozen guest is noticed within 10 s.
    silence_s: float = 7.0
    cmdline: tuple[str, ...] = ()  # boot parameters: what the machine's clock is with it, on this host


@dataclass(frozen=True)
class Host:
    """What this machine offers: the CPUs that we may use, free memory, and the compiler's version line (its name if it
    is not installed)."""

    cpus: int
    memory_mib: int
    compiler: str = ""
