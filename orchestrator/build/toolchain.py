"""The compiler, and how make is called. Every stage calls it the same way, so that the .cmd files stay comparable."""

from __future__ import annotations

import os
import platform
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from orchestrator.build.product import Product
from orchestrator.build.toolchains import compiler_of
from orchestrator.context import Context, Places
from orchestrator.errors import BuildFailed, CommandFailed, ToolMissing, UsageError
from orchestrator.host import resources
from orchestrator.host.process import Command, CommandResult, Confined
from orchestrator.host.sandbox import refusals
from orchestrator.model.arch import Arch
from orchestrator.model.kernel import USUAL_ARCH, USUAL_TOOLCHAIN

# Fixed, so that the same sources make the same kernel, and so that nothing is rebuilt because the clock went on
REPRODUCIBLE = (
    ("KBUILD_BUILD_TIMESTAMP", "Thu Jan  1 00:00:00 UTC 2026"),
    ("KBUILD_BUILD_USER", "orchestrate"),
    ("KBUILD_BUILD_HOST", "localhost"),
    ("KBUILD_BUILD_VERSION", "1"),
    ("LOCALVERSION", ""),  # set and empty: no "+" for a tree that is no tagged commit
)


@dataclass(frozen=True)
class Toolchain:
    """`compiler` is the compiler's own version line. `cc` is what make is given, `variables` what else. `host_cc`
    compiles for the host where `cc` does not. `prefix` is that of the gcc and the binutils for what it compiles for,
    which the kernel calls `source` in its arch/."""

    compiler: str
    cc: str
    variables: tuple[str, ...] = ()
    host_cc: str = ""
    prefix: str = ""
    source: str = "x86"

    @property
    def places(self) -> tuple[Path, ...]:
        """Where the compiler is installed, if not on PATH: its directory, or that of its bin/."""
        program = Path(self.cc.split()[-1])
        if not program.is_absolute():
            return ()
        return (program.parent.parent if program.parent.name == "bin" else program.parent,)


def find_toolchain(context: Context, name: str = USUAL_TOOLCHAIN, arch: str = USUAL_ARCH) -> Product[Toolchain]:
    """A toolchain by its name, for an architecture. Raises ToolMissing, and UsageError for a directory that has none
    for it. ccache is used where it is installed."""
    target = context.catalog.arch(arch)
    cross = "" if target.is_of(platform.machine()) else target.cross
    found = compiler_of(name, cross, f"orchestrate doctor --arch {arch} --install")
    version = context.runner.check(Command((found.program, "--version"))).text.splitlines()[0]
    variables = found.variables
    if cross:
        variables = (f"ARCH={target.make}", *variables)
        if "LLVM=" not in " ".join(variables):
            _check_target(context, found.program, name, target)
    ccache = "ccache " if shutil.which("ccache") else ""
    host = f"{ccache}{found.host}" if found.host else ""
    made = Toolchain(version, f"{ccache}{found.program}", variables, host, cross, target.source)
    return Product(made, cached=True, note=version)


def _check_target(context: Context, program: str, name: str, target: Arch) -> None:
    """Raises UsageError for a gcc that compiles for another architecture."""
    triple = context.runner.check(Command((program, "-dumpmachine"))).text.strip()
    if triple.partition("-")[0] != target.cpu:
        raise UsageError(f"--toolchain {name}: compiles for {triple}, and not for {target.name}")


def _ccache_environment(places: Places, build: Path) -> tuple[tuple[str, str], ...]:
    """ccache's settings. With a directory of ours it reads neither the user's cache nor its configuration.

    The build directory lies in the worktree, so all paths are relative and alike in both roles; without the working
    directory in the hash, what one role compiled is a hit for the other.
    """
    return (
        ("CCACHE_DIR", os.fspath(places.ccache)),
        ("CCACHE_TEMPDIR", os.fspath(places.ccache / "tmp")),  # else below /run/user
        ("CCACHE_NOHASHDIR", "1"),
        ("CCACHE_MAXSIZE", "10G"),
        ("CCACHE_COMPRESSLEVEL", "1"),
        ("CCACHE_STATSLOG", os.fspath(build / "ccache.stats")),
    )


def variables(toolchain: Toolchain) -> tuple[str, ...]:
    """What make is told about the compiler."""
    return (f"CC={toolchain.cc}", f"HOSTCC={toolchain.host_cc or toolchain.cc}", *toolchain.variables)


def make(source: Path, build: Path, *targets: str, toolchain: Toolchain, places: Places) -> Command:
    """make in a build directory inside the source tree: Kbuild then refers to the source as `..`."""
    argv = (
        "make",
        f"--jobs={resources.cpus()}",
        f"O={build.name}",
        *variables(toolchain),
        *targets,
    )
    confined = Confined(writes=(build, places.ccache), reads=(source.parent, *toolchain.places))
    return Command(argv, cwd=source, env=(*REPRODUCIBLE, *_ccache_environment(places, build)), confined=confined)


# The compiler or linker died of the host, not of what it was given
HOST_FAILED = re.compile(
    r".*(?:No space left on device|Disk quota exceeded|Killed signal terminated program|virtual memory exhausted"
    r"|Cannot allocate memory|internal compiler error|terminated with signal \d+).*"
)
# What make says when the host lacks something, which says nothing about the patch
HOST_LACKS = (
    (re.compile(r"(flex|bison|bc|lz4c?|zstd|pahole|cpio|perl|rsync): (?:command )?not found"), "{} is not installed"),
    (re.compile(r"fatal error: ((?:gelf|libelf|openssl)\S*\.h): No such file"), "the header {} is not installed"),
)
ERROR_LINE = re.compile(
    r"^(?:(?P<place>[^\s:]+:\d+(?::\d+)?): (?:fatal )?error: (?P<what>.+)"
    r"|(?P<link>(?:\S*/)?(?:\S+-)?ld(?:\.\w+)?(?:-\d+)?: .+|.*undefined reference to .+)"
    r"|(?P<modpost>ERROR: modpost: .+))$",
    re.MULTILINE,
)


def host_failure(result: CommandResult, log: str) -> str:
    """Why the host could not finish a build that failed; empty if the host is not at fault."""
    if match := HOST_FAILED.search(log):
        return f"the host could not finish the build: {match[0].strip()}"
    return f"make was ended by signal {-result.status}" if result.status < 0 else ""


def host_error(result: CommandResult, log: str) -> ToolMissing | CommandFailed | None:
    """The error of the host that stopped make; None if make's input is at fault."""
    for pattern, words in HOST_LACKS:
        if match := pattern.search(log):
            return ToolMissing(
                words.format(match[1]), hint="orchestrate doctor names the packages", detail=result.tail()
            )
    if why := host_failure(result, log):
        return CommandFailed(why, detail=result.tail())
    return None


def first_error(log: str) -> tuple[str, str] | None:
    """Where and what the first error of a build log is, paths relative to the source tree."""
    match = ERROR_LINE.search(log)
    if match is None:
        return None
    if match["place"]:
        return match["place"].removeprefix("../"), match["what"]
    return "link", (match["link"] or match["modpost"]).strip()


def told_refusals(result: CommandResult, text: str) -> str:
    """What a build tried that the sandbox refused; empty if nothing is known of such a thing."""
    found = refusals(text) if result.is_confined else ()
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"the sandbox refused: {found[0]}{more}" if found else ""


def build_error(result: CommandResult, text: str, log: Path) -> BuildFailed | ToolMissing | CommandFailed:
    """Why a make that compiles a tree failed, whose fault that is, and what the compiler said."""
    if host := host_error(result, text):
        return host
    error = first_error(text)
    if error is None:
        refused = told_refusals(result, text)
        why = f"the kernel does not build: {refused}" if refused else "the kernel does not build"
        return BuildFailed(why, detail=result.tail(40), hint=f"full log: {log}")
    where, what = error
    at = text.find(what)
    excerpt = "\n".join(text[max(0, text.rfind("\n", 0, at)) :].strip().splitlines()[:12])
    return BuildFailed(f"the kernel does not compile: {where}: {what}", detail=excerpt, hint=f"full log: {log}")
