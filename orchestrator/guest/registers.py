"""What a guest's CPUs do at a moment, from QEMU's monitor: its `info registers` is another text for each target.

x86 says whether a CPU is halted. The others do not: there a CPU is idle whose last instruction was one that waits for
an interrupt. Their kernels wait with interrupts masked, which wake a CPU all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from orchestrator.guest.condition import CpuMode, CpuSample

X86 = re.compile(
    r"^[ER]?IP=(?P<pc>[0-9a-f]+) [ER]?FL=(?P<flags>[0-9a-f]+) .* CPL=(?P<cpl>\d) .* HLT=(?P<halted>\d)", re.MULTILINE
)
ARM64 = re.compile(
    r"^ *PC=(?P<pc>[0-9a-f]{16}) (?:(?!^ *PC=)[\s\S]){0,2000}?^PSTATE=(?P<pstate>[0-9a-f]{8}) \S+ EL(?P<level>\d)",
    re.MULTILINE,
)
RISCV = re.compile(
    r"^ *pc +(?P<pc>[0-9a-f]+)\s(?:(?!^ *pc )[\s\S]){0,2000}?^ *mstatus +(?P<mstatus>[0-9a-f]+)", re.MULTILINE
)
INTERRUPT_FLAG = 1 << 9  # in RFLAGS
MASKED = 1 << 7  # I in PSTATE
INTERRUPTS_ON = 1 << 1  # SIE in mstatus
KERNEL_HALF = 1 << 63  # of addresses
WORD = re.compile(r": 0x(?P<word>[0-9a-f]{8})\b")
WORD_BYTES = 4
WFI = {"aarch64": 0xD503207F, "riscv64": 0x10500073}  # by QEMU's name of the target

Ask = Callable[[int, str], str]  # what the monitor answers about a CPU, by its number


def look(target: str, ask: Ask) -> tuple[CpuSample, ...]:
    """A sample for each CPU; nothing for a target whose text nobody reads here."""
    reader = READERS.get(target)
    cpus = tuple(reader(ask(0, "info registers -a"))) if reader else ()
    if target not in WFI:
        return cpus
    return tuple(_idle(cpu, number, WFI[target], ask) for number, cpu in enumerate(cpus))


def _idle(cpu: CpuSample, number: int, instruction: int, ask: Ask) -> CpuSample:
    """The sample, with what the instruction says that the CPU executed last."""
    if cpu.mode is not CpuMode.KERNEL or cpu.rip < WORD_BYTES:
        return cpu
    said = WORD.search(ask(number, f"x /1wx {cpu.rip - WORD_BYTES:#x}"))
    is_idle = said is not None and int(said["word"], 16) == instruction
    return replace(cpu, mode=CpuMode.HALTED, has_interrupts=True) if is_idle else cpu


def _x86(text: str) -> Iterator[CpuSample]:
    for cpu in X86.finditer(text):
        halted = CpuMode.HALTED if cpu["halted"] == "1" else None
        mode = halted or (CpuMode.USER if cpu["cpl"] == "3" else CpuMode.KERNEL)
        yield CpuSample(mode, int(cpu["pc"], 16), bool(int(cpu["flags"], 16) & INTERRUPT_FLAG))


def _arm64(text: str) -> Iterator[CpuSample]:
    for cpu in ARM64.finditer(text):
        mode = CpuMode.USER if cpu["level"] == "0" else CpuMode.KERNEL
        yield CpuSample(mode, int(cpu["pc"], 16), not int(cpu["pstate"], 16) & MASKED)


def _riscv(text: str) -> Iterator[CpuSample]:
    """The text has no privilege level; the kernel's addresses are those of the upper half."""
    for cpu in RISCV.finditer(text):
        pc = int(cpu["pc"], 16)
        mode = CpuMode.KERNEL if pc & KERNEL_HALF else CpuMode.USER
        yield CpuSample(mode, pc, bool(int(cpu["mstatus"], 16) & INTERRUPTS_ON))


READERS: Mapping[str, Callable[[str], Iterator[CpuSample]]] = {
    "i386": _x86,
    "x86_64": _x86,
    "aarch64": _arm64,
    "riscv64": _riscv,
}
