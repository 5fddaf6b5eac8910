"""Which compilers there are to choose from. Unit: what a name can be. The programs themselves are in the integration
tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.build.toolchains import check_toolchain, compiler_of, installed_toolchains
from orchestrator.errors import ToolMissing, UsageError
from orchestrator.model.kernel import Kconfig, Kernel, Role, Source, Variant
from orchestrator.model.kernel_facts import KernelFacts
from orchestrator.model.outcome import Verdict
from orchestrator.model.report import RunReport, SuiteReport
from orchestrator.reporters.junit_names import suite_name

LLVM = ("clang", "ld.lld", "llvm-ar", "llvm-nm", "llvm-objcopy", "llvm-readelf", "llvm-strip")


def programs(directory: Path, *names: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for name in names:
        (directory / name).write_text("#!/bin/sh\n")
        (directory / name).chmod(0o755)
    return directory


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory on PATH."""
    monkeypatch.setenv("PATH", os.fspath(tmp_path / "path"))
    return programs(tmp_path / "path")


@pytest.mark.parametrize("name", ["gcc", "gcc-13", "clang", "clang-19"])
def test_names_are_taken_as_they_are(name: str) -> None:
    assert check_toolchain(name) == name


@pytest.mark.parametrize("name", ["icc", "gcc13", "clang-", "", "gcc-13.2", "-gcc"])
def test_what_is_no_name_says_what_is(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_toolchain(name)
    assert "clang-19" in (caught.value.hint or "")


def test_a_directory_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(programs(tmp_path / "llvm").parent)
    assert check_toolchain("./llvm") == os.fspath(tmp_path / "llvm")
    with pytest.raises(UsageError, match="no directory"):
        check_toolchain("./gone")


def test_a_compiler_that_is_not_installed_names_its_packages(path: Path) -> None:
    with pytest.raises(ToolMissing) as caught:
        compiler_of("clang-19")
    assert "clang-19 is not installed" in caught.value.message
    assert "clang-19 lld-19 llvm-19" in (caught.value.hint or "")


def test_clang_without_its_linker_is_not_whole(path: Path) -> None:
    programs(path, *(f"{name}-19" for name in LLVM if name != "ld.lld"))
    with pytest.raises(ToolMissing, match=r"ld\.lld-19"):
        compiler_of("clang-19")


def test_kbuild_is_told_which_llvm(path: Path, tmp_path: Path) -> None:
    programs(path, "gcc-13", *(f"{name}-19" for name in LLVM))
    assert compiler_of("gcc-13").variables == ()
    assert compiler_of("clang-19").variables == ("LLVM=-19",)
    home = tmp_path / "llvm-22"
    programs(home / "bin", *LLVM)
    found = compiler_of(os.fspath(home))
    assert (found.program, found.variables) == (f"{home}/bin/clang", (f"LLVM={home}/bin/",))


def test_a_gcc_in_a_directory_comes_with_its_binutils(tmp_path: Path) -> None:
    home = programs(tmp_path / "cross", "x86_64-elf-gcc", "x86_64-elf-gcc-ar", "x86_64-elf-ld", "gcc-ranlib")
    found = compiler_of(os.fspath(home))
    assert (found.program, found.variables) == (f"{home}/x86_64-elf-gcc", (f"CROSS_COMPILE={home}/x86_64-elf-",))
    alone = programs(tmp_path / "alone", "gcc")
    assert compiler_of(os.fspath(alone)).variables == ()


def test_a_directory_without_or_with_several_compilers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no gcc and no clang"):
        compiler_of(os.fspath(programs(tmp_path / "empty")))
    with pytest.raises(UsageError, match="a-gcc and b-gcc"):
        compiler_of(os.fspath(programs(tmp_path / "two", "a-gcc", "b-gcc")))


def test_those_on_path_are_listed_by_version(path: Path) -> None:
    programs(path, "gcc", "gcc-9", "gcc-12", "gcc-ar", "gcc-ar-12", "clang-19", "clang-cpp-19", "clang++-19")
    assert installed_toolchains() == ("clang-19", "gcc", "gcc-9", "gcc-12")


def test_a_kernel_of_another_compiler_is_another_kernel_with_another_name() -> None:
    kconfig = Kconfig("debug+kasan", ())
    usual, other = Kernel(Source(), kconfig), Kernel(Source(), kconfig, toolchain="clang-19")
    assert usual.id != other.id
    assert (usual.variant.name, other.variant.name) == ("debug+kasan", "debug+kasan.clang-19")
    assert Variant(kconfig, "/opt/llvm-22/bin").name == "debug+kasan.llvm-22"


def test_a_kernel_of_another_architecture_is_another_kernel_with_another_name() -> None:
    kconfig = Kconfig("base", ())
    usual, other = Kernel(Source(), kconfig), Kernel(Source(), kconfig, arch="arm64")
    assert usual.id != other.id
    assert (usual.variant.name, other.variant.name) == ("base", "base.arm64")
    assert Variant(kconfig, "clang-19", "riscv64").name == "base.riscv64.clang-19"
    assert Variant(kconfig, "/opt/gcc").name == "base.gcc", "the directory of a gcc is not the usual one"


def test_a_cross_compiler_is_named_by_version_too_and_host_programs_are_not_made_by_it(path: Path) -> None:
    programs(path, "gcc", "a64-gcc", "a64-gcc-13", "a64-ld")
    for name in ("gcc", "gcc-13"):
        found = compiler_of(name, "a64-", "doctor")
        assert (found.program, found.variables, found.host) == (f"a64-{name}", ("CROSS_COMPILE=a64-",), "gcc")
    with pytest.raises(ToolMissing, match="a64-gcc-14 is not installed") as missing:
        compiler_of("gcc-14", "a64-", "orchestrate doctor --arch a64")
    assert missing.value.hint == "on Debian: apt-get install gcc-14-a64"
    with pytest.raises(ToolMissing, match="b64-gcc is not installed") as missing:
        compiler_of("gcc", "b64-", "orchestrate doctor --arch b64")
    assert missing.value.hint == "orchestrate doctor --arch b64"


def test_of_a_directory_for_many_architectures_the_one_asked_for_is_taken(tmp_path: Path) -> None:
    home = programs(tmp_path / "many", "a64-linux-gnu-gcc", "a64-none-elf-gcc", "b64-linux-gnu-gcc", "gcc")
    assert compiler_of(os.fspath(home), "a64-linux-gnu-").program == f"{home}/a64-linux-gnu-gcc"
    assert compiler_of(os.fspath(home), "b64-other-").program == f"{home}/b64-linux-gnu-gcc"
    with pytest.raises(UsageError, match="has a64-linux-gnu-gcc and a64-none-elf-gcc"):
        compiler_of(os.fspath(home), "a64-other-")


def test_clang_is_its_own_cross_compiler(path: Path) -> None:
    programs(path, *(f"{name}-19" for name in LLVM))
    found = compiler_of("clang-19", "a64-", "doctor")
    assert (found.program, found.variables, found.host) == ("clang-19", ("LLVM=-19",), "")


def test_the_binutils_of_another_architecture_come_from_beside_the_compiler_or_from_the_host(tmp_path: Path) -> None:
    home = programs(tmp_path / "whole", "a64-gcc", "a64-ld")
    assert compiler_of(os.fspath(home), "b64-").variables == (f"CROSS_COMPILE={home}/a64-",)
    alone = programs(tmp_path / "alone", "a64-gcc")
    assert compiler_of(os.fspath(alone), "b64-").variables == ("CROSS_COMPILE=b64-",)
    assert compiler_of(os.fspath(alone), "b64-").host == "gcc"


def run_report(suite: SuiteReport) -> RunReport:
    compiler = "gcc (Debian 12.2.0-14) 12.2.0"  # of the host
    return RunReport("fix", "", Verdict.CLEAN, "", (suite,), "", "", 1.0, "host", arch="x86_64", compiler=compiler)


@pytest.mark.parametrize(
    ("name", "facts", "wanted"),
    [
        ("base.patched", KernelFacts(arch="x86_64", toolchain="gcc"), "base.x86_64.gcc-12"),
        ("base.clang-19.patched", KernelFacts(arch="x86_64", toolchain="clang-19"), "base.x86_64.clang-19"),
        (
            "base.llvm.patched",
            KernelFacts(arch="x86_64", toolchain="/opt/llvm/bin", compiler="clang version 22.1.0"),
            "base.x86_64.clang-22",
        ),
        ("base.clang-19.patch-2", KernelFacts(arch="x86_64", toolchain="clang-19"), "base.x86_64.clang-19.patch-2"),
    ],
)
def test_reports_are_named_by_the_compiler_also_when_nothing_was_built(
    name: str, facts: KernelFacts, wanted: str
) -> None:
    role = Role.PER_PATCH if "patch-" in name else Role.PATCHED
    suite = SuiteReport(name, "base", role, (), (), "", facts=facts)
    report = run_report(suite)
    assert suite_name(report, suite) == wanted
