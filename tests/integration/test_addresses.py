"""Addresses of stuck CPUs, with the functions of a kernel: one that gcc links here to where kernels lie."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from orchestrator.evidence.addresses import with_functions

BASE = 0xFFFFFFFF81000000
CODE = """\
static volatile int ready;
__attribute__((noinline)) static int spin(void)
{
	while (!ready)
		;
	return ready;
}
int begin(void)
{
	return spin();
}
"""


@pytest.fixture
def vmlinux(tmp_path: Path) -> Path:
    (tmp_path / "wait.c").write_text(CODE)
    options = ["-g", "-O1", "-mcmodel=kernel", "-fno-pie", "-static", "-nostdlib", f"-Wl,-Ttext={BASE:#x},-e,begin"]
    subprocess.run(["gcc", *options, "-o", "vmlinux", "wait.c"], cwd=tmp_path, check=True)
    return tmp_path / "vmlinux"


def test_a_stuck_cpu_has_the_name_of_its_function(vmlinux: Path) -> None:
    told = with_functions(f"CPU 0 in the kernel at {BASE:#x} at 20 looks of 20; CPU 1 idle", vmlinux)
    assert told == f"CPU 0 in the kernel in spin ({vmlinux.parent}/wait.c:4) at 20 looks of 20; CPU 1 idle"


@pytest.mark.parametrize("place", [f"{BASE + 0x100000:#x}", "0x00000000004011d0", "0xffffffff8100000"])
def test_what_vmlinux_does_not_have_stays_an_address(vmlinux: Path, place: str) -> None:
    assert with_functions(f"CPU 0 in the kernel at {place}", vmlinux) == f"CPU 0 in the kernel at {place}"


def test_without_symbols_addresses_stay(tmp_path: Path) -> None:
    (tmp_path / "vmlinux").write_bytes(b"\x7fELF")
    assert with_functions(f"at {BASE:#x}", tmp_path / "vmlinux") == f"at {BASE:#x}"
