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


@dataclass(frozen=True)
class Accel:
    """What executes the guest's instructions. `timeout_scale` multiplies every limit inside the guest."""

    name: str
    args: tuple[str, ...]
    timeout_scale: float
    cmdline: tuple[str, ...] = ()  # boot parameters; {tsc_khz} is the host's, and without one the parameter is left out


@dataclass(frozen=True)
class Host:
    """What this machine offers: the CPUs that we may use, free memory, and the compiler's version line (its name if it
    is not installed)."""

    cpus: int
    memory_mib: int
    compiler: str = ""
