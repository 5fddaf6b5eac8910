"""The compilers that a kernel can be built with, by name: gcc, gcc-13, clang, clang-19, or the directory of one.

A gcc of the host's binutils is make's CC; for another architecture it is Debian's cross compiler of that version, and
its binutils' prefix is make's CROSS_COMPILE. clang compiles for each, and brings binutils of its own, which Kbuild's
LLVM names: 1 for those without a suffix, -19 for those with it, or a directory with a slash at its end
(Documentation/kbuild/llvm.rst; the suffix since 5.18).
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import ToolMissing, UsageError
from orchestrator.host.real_path import at_home

NAME = re.compile(r"(gcc|clang)(-\d+)?")
LLVM = ("ld.lld", "llvm-ar", "llvm-nm", "llvm-objcopy", "llvm-readelf", "llvm-strip")  # what Kbuild's LLVM calls


@dataclass(frozen=True)
class Compiler:
    """`program` is what to call. `variables` are make's beyond CC and HOSTCC. `host` compiles for the host: it is the
    same program where that can."""

    program: str
    variables: tuple[str, ...] = ()
    host: str = ""


def check_toolchain(name: str) -> str:
    """The name, with a directory made absolute. Raises UsageError for what can be no toolchain."""
    if NAME.fullmatch(name):
        return name
    if "/" not in name:
        raise UsageError(f"--toolchain {name}: unknown", hint="gcc, gcc-13, clang, clang-19, or a directory (./DIR)")
    directory = at_home(name).absolute()
    if not directory.is_dir():
        raise UsageError(f"--toolchain {name}: is no directory")
    return os.fspath(directory)


def compiler_of(toolchain: str, cross: str = "", where: str = "") -> Compiler:
    """The compiler of a checked name; for a foreign architecture the one whose name begins with `cross`, which `where`
    says how to get. Raises ToolMissing, UsageError."""
    if NAME.fullmatch(toolchain):
        return _installed(toolchain, cross, where)
    directory = Path(toolchain)
    if not next(_compilers(directory), None) and (directory / "bin").is_dir():
        directory /= "bin"
    found = sorted(_compilers(directory))
    if cross:
        cpu = cross.partition("-")[0]
        own = [name for name in found if name.startswith(f"{cpu}-")]
        found = [f"{cross}gcc"] if f"{cross}gcc" in own else own or found
    if not found:
        raise UsageError(f"--toolchain {toolchain}: has no gcc and no clang", hint="neither has its bin/")
    if len(found) > 1:
        raise UsageError(f"--toolchain {toolchain}: has {' and '.join(found)}", hint="one directory for each")
    if found[0] == "clang":
        _demand([str(directory / name) for name in LLVM], f"{toolchain} is no whole LLVM")
        return Compiler(str(directory / "clang"), (f"LLVM={directory}/",))
    prefix = found[0].removesuffix("gcc")
    own_binutils = (directory / f"{prefix}ld").exists()  # else the host's
    binutils = f"{directory}/{prefix}" if own_binutils else cross
    variables = (f"CROSS_COMPILE={binutils}",) if binutils else ()
    return Compiler(str(directory / found[0]), variables, host="gcc" if cross else "")


def installed_toolchains() -> tuple[str, ...]:
    """The names of those on PATH."""
    found = set()
    for directory in os.get_exec_path():
        if Path(directory).is_dir():
            found |= {name for name in os.listdir(directory) if NAME.fullmatch(name)}
    return tuple(sorted(found, key=lambda name: (name.partition("-")[0], int(name.partition("-")[2] or 0))))


def _installed(name: str, cross: str, where: str) -> Compiler:
    kind, _, version = name.partition("-")
    suffix = f"-{version}" if version else ""
    packages = f"{kind}{suffix}" if kind == "gcc" else f"clang{suffix} lld{suffix} llvm{suffix}"
    hint = f"on Debian: apt-get install {packages}"
    if kind == "gcc" and cross:
        versioned = f"on Debian: apt-get install {name}-{cross.rstrip('-')}"
        _demand([f"{cross}{name}", f"{cross}ld"], versioned if version else where)
        return Compiler(f"{cross}{name}", (f"CROSS_COMPILE={cross}",), host="gcc")
    if kind == "gcc":
        _demand([name], hint)
        return Compiler(name)
    _demand([name, *(f"{program}{suffix}" for program in LLVM)], hint)
    return Compiler(name, (f"LLVM={suffix or 1}",))


def _demand(programs: list[str], hint: str) -> None:
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise ToolMissing(f"{missing[0]} is not installed", hint=hint)


def _compilers(directory: Path) -> Iterator[str]:
    """`clang`, and each gcc with its target's prefix, but no gcc-ar and no gcc-12 beside it."""
    for path in directory.iterdir():
        if path.name == "clang" or re.fullmatch(r"([\w.]+-)*gcc", path.name):
            yield path.name
