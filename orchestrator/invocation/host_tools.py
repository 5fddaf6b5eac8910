"""What the host must have (data/tools.toml): whether it is there, and its installation."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.declarations.catalog import PACKAGE
from orchestrator.declarations.files import read_toml
from orchestrator.errors import CommandFailed, ToolMissing
from orchestrator.host.process import Cancel, Command, Runner, attach, find_program
from orchestrator.model.arch import Arch, HostTool
from orchestrator.parse.os_release import FAMILIES, Family, family_of
from orchestrator.reporters import stream

OS_RELEASE = Path("/etc/os-release")
COMPILER = "gcc"


@dataclass(frozen=True)
class Tools:
    """data/tools.toml."""

    tool: tuple[HostTool, ...]


@dataclass(frozen=True)
class Tool:
    """Something wanted, and whether it is there. `found` is a path, or empty."""

    name: str
    package: str
    why: str
    optional: bool
    found: str


def host_family() -> Family:
    """Debian's where the distribution is of no known family: then the names are a hint at least."""
    text = OS_RELEASE.read_text(errors="replace") if OS_RELEASE.is_file() else ""
    return family_of(text) or FAMILIES["debian"]


def check_tools(family: Family, runner: Runner | None = None, arches: Sequence[Arch] = ()) -> tuple[Tool, ...]:
    """What every host needs, and what it needs beyond that for some architectures."""
    asked = runner or Runner(Cancel())

    def tool(one: HostTool, compiler: str) -> Tool:
        return Tool(one.name, one.package_of(family.name), one.why, one.optional, _found(one, asked, compiler))

    wanted = [tool(one, COMPILER) for one in read_toml(Tools, PACKAGE / "data/tools.toml").tool]
    foreign = [arch for arch in arches if not arch.is_of(platform.machine())]
    return (*wanted, *(tool(one, f"{arch.cross}{COMPILER}") for arch in foreign for one in arch.tool))


def install_command(missing: Sequence[Tool], family: Family) -> str:
    """The one command that installs everything that is missing; empty when nothing is, or nothing can be."""
    packages = " ".join(sorted({tool.package for tool in missing if tool.package}))
    return f"{' '.join((*_sudo(), *family.by_hand))} {packages}" if packages else ""


def install(missing: Sequence[Tool], family: Family) -> None:
    """Say what is installed, and install it: what must be there at once, then each optional package by itself, so that
    one that this distribution does not have stops no other. Raises CommandFailed, ToolMissing."""
    hint = f"install by hand: {install_command(missing, family)}"
    for program in (*_sudo(), family.install[0]):
        if find_program(program) is None:
            raise ToolMissing(f"{program} is not here to install with", hint=hint)
    for tool in missing:
        if tool.package:
            stream.tell(f"installing {tool.package}: {tool.why}\n")
    needed = sorted({tool.package for tool in missing if tool.package and not tool.optional})
    optional = sorted({tool.package for tool in missing if tool.package and tool.optional} - set(needed))
    if family.update:
        _run(family.update, hint)
    if needed:
        _run((*family.install, *needed), hint)
    for package in optional:
        if status := _status((*family.install, package)):
            stream.tell(f"warning: {package} cannot be installed (exit status {status})\n")


def _run(words: Sequence[str], hint: str) -> None:
    if status := _status(words):
        raise CommandFailed(f"{' '.join(words)} exited with {status}", hint=hint)


def _status(words: Sequence[str]) -> int:
    # a package manager must not wait for an answer to a question that nobody sees
    return attach((*_sudo(), "env", "DEBIAN_FRONTEND=noninteractive", *words), quiet=True)


def _sudo() -> tuple[str, ...]:
    return () if os.geteuid() == 0 else ("sudo",)


def _found(wanted: HostTool, runner: Runner, compiler: str) -> str:
    if wanted.program:
        return str(find_program(wanted.program) or "")
    if wanted.file:
        return wanted.file if Path(wanted.file).exists() else ""
    if find_program(compiler) is None:
        return ""
    if wanted.header:
        result = runner.run(Command((compiler, "-x", "c", "-M", "-include", wanted.header, os.devnull)))
        read = result.text.replace("\\\n", " ").split() if result.status == 0 else []
        return next((path for path in read if path.endswith(f"/{wanted.header}")), "")
    found = runner.run(Command((compiler, f"-print-file-name=lib{wanted.static}.a"))).text.strip()
    return found if Path(found).is_file() else ""  # gcc echoes the name of what it does not find
