"""What QEMU's monitor says of CPUs, of each target. The texts are QEMU 7.2's, shortened."""

from __future__ import annotations

import re

import pytest

from orchestrator.guest.condition import CpuMode, CpuSample
from orchestrator.guest.registers import WFI, look

X86 = """
CPU#0
RAX=0000000000000000 RBX=0000000000000000 RCX=0000000000000000 RDX=0000000000000000
RIP=ffffffff8136bf93 RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1

CPU#1
RIP=0000000000401000 RFL=00000202 [-------] CPL=3 II=0 A20=1 SMM=0 HLT=0

CPU#2
RIP=ffffffff81129b2a RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0
"""
ARM64 = """
CPU#0
 PC=ffff800080a1b2c4 X00=0000000000000000 X01=0000000000000000
X29=0000000000000000 X30=0000000000000000  SP=0000000000000000
PSTATE=600003c5 -ZC- EL1h  SVCR=00000000 --  BTYPE=0    FPU disabled

CPU#1
 PC=ffff800080200100 X00=0000000000000000 X01=0000000000000000
PSTATE=60000005 -ZC- EL1h  SVCR=00000000 --  BTYPE=0    FPCR=00000000 FPSR=00000000

CPU#2
 PC=0000aaaaaaaa0100 X00=0000000000000000 X01=0000000000000000
PSTATE=60001000 -ZC- EL0t  SVCR=00000000 --  BTYPE=0    FPCR=00000000 FPSR=00000000

CPU#3
 PC=ffff800080200200 X00=0000000000000000 X01=0000000000000000
PSTATE=600000c5 -ZC- EL1h  SVCR=00000000 --  BTYPE=0    FPU disabled
"""
RISCV = """
CPU#0
 V      =   0
 pc       ffffffff80a1b2c4
 mhartid  0000000000000000
 mstatus  8000000a000060a0
 x0/zero  0000000000000000 x1/ra    0000000080007884 x2/sp    0000000080048ec0 x3/gp    0000000000000000

CPU#1
 V      =   0
 pc       ffffffff80200100
 mhartid  0000000000000001
 mstatus  8000000a000060a2

CPU#2
 V      =   0
 pc       000000000001a2b4
 mhartid  0000000000000002
 mstatus  8000000a000060a2
"""
K, U, H = CpuMode.KERNEL, CpuMode.USER, CpuMode.HALTED


class Monitor:
    """Answers like QEMU's: registers, and one word of memory at each address; `words` are those that are known."""

    def __init__(self, registers: str, words: dict[int, int]) -> None:
        self.registers, self.words, self.asked = registers, words, list[int]()

    def __call__(self, number: int, line: str) -> str:
        if line == "info registers -a":
            return self.registers.replace("\n", "\r\n")
        match = re.fullmatch(r"x /1wx (0x[0-9a-f]+)", line)
        assert match, line
        self.asked.append(number)
        at = int(match[1], 16)
        return f"{at:016x}: 0x{self.words[at]:08x}\r\n" if at in self.words else "Cannot access memory\r\n"


def test_x86_says_itself_who_is_halted() -> None:
    found = look("x86_64", Monitor(X86, {}))
    assert found == (
        CpuSample(H, 0xFFFFFFFF8136BF93, True),
        CpuSample(U, 0x401000, True),
        CpuSample(K, 0xFFFFFFFF81129B2A, False),
    )


def test_arm64_is_idle_behind_an_instruction_that_waits() -> None:
    monitor = Monitor(ARM64, {0xFFFF800080A1B2C0: WFI["aarch64"], 0xFFFF8000802000FC: 0xD503201F})
    assert look("aarch64", monitor) == (
        CpuSample(H, 0xFFFF800080A1B2C4, True),  # masked interrupts wake it
        CpuSample(K, 0xFFFF800080200100, True),
        CpuSample(U, 0xAAAAAAAA0100, True),
        CpuSample(K, 0xFFFF800080200200, False),  # what it executes cannot be read
    )
    assert monitor.asked == [0, 1, 3], "each CPU with its own page tables; none in user mode"


def test_riscv64_is_in_the_kernel_at_addresses_of_the_upper_half() -> None:
    monitor = Monitor(RISCV, {0xFFFFFFFF80A1B2C0: WFI["riscv64"]})
    assert look("riscv64", monitor) == (
        CpuSample(H, 0xFFFFFFFF80A1B2C4, True),
        CpuSample(K, 0xFFFFFFFF80200100, True),
        CpuSample(U, 0x1A2B4, True),
    )


@pytest.mark.parametrize("target", ["s390x", ""])
def test_of_other_targets_nothing_is_said(target: str) -> None:
    assert look(target, Monitor(X86, {})) == ()


@pytest.mark.parametrize("target", ["x86_64", "aarch64", "riscv64"])
def test_another_text_is_no_cpu(target: str) -> None:
    assert look(target, Monitor("unknown command: 'info registers -a'\n", {})) == ()
