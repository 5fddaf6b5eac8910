"""The lines of --dry-run, run: they make the .config that a test is made with."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.declarations import catalog
from orchestrator.parse.configuration.kconfig import merge
from orchestrator.parse.configuration.whole_config import whole_symbols
from tests.integration.conftest import Cli

DEBIAN = """# Linux/x86 6.12.57 Kernel Configuration
CONFIG_CC_IS_GCC=y
CONFIG_X86_64=y
CONFIG_SMP=y
CONFIG_NR_CPUS=8192
CONFIG_ACPI=y
CONFIG_VIRTIO_NET=m
CONFIG_RANDOMIZE_BASE=y
"""
ARM = DEBIAN.replace("Linux/x86", "Linux/arm64").replace("CONFIG_X86_64", "CONFIG_ARM64")


@pytest.mark.parametrize(
    ("arch", "kconfig", "text"),
    [
        ("x86_64", "base", ""),
        ("arm64", "pages-64k", ""),
        ("x86_64", "kasan+./.config", DEBIAN),
        ("arm64", "./.config", ARM),
    ],
)
def test_its_lines_make_the_config_of_a_test(cli: Cli, tmp_path: Path, arch: str, kconfig: str, text: str) -> None:
    if arch == "arm64" and not shutil.which("aarch64-linux-gnu-gcc"):
        pytest.skip("no compiler for arm64")
    (tmp_path / ".config").write_text(text)
    (tmp_path / "build").mkdir()
    done = cli("test", "--dry-run", "--arch", arch, "--kconfig", kconfig, "--accel", "tcg")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert any("tinyconfig" in line for line in lines if line.startswith("make")) is not bool(text)
    made = [line for line in lines if "build/.config" in line]
    subprocess.run(["sh", "-euc", "\n".join(made)], cwd=tmp_path, check=True)
    found = dict(whole_symbols((tmp_path / "build/.config").read_text()))
    known = catalog.load_catalog().kconfig(kconfig.replace("./", f"{tmp_path}/")).on(arch)
    assert found == dict(merge(known.fragments)[0])
