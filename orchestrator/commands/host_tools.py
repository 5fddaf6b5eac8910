"""What the host must have (data/tools.toml): whether it is there, and its installation."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.catalog import PACKAGE
from orchestrator.declarations.files import read_toml
from orchestrator.errors import CommandFailed, ToolMissing
from orchestrator.parse.os_release import FAMILIES, Family, family_of
from orchestrator.process import Cancel, Command, Runner, attach, find_program
from orchestrator.reporters import stream

OS_RELEASE = Path("/etc/os-release")
COMPILER = "gcc"


@dataclass(frozen=True)
class Wanted:
    """An entry of data/tools.toml: a program on PATH, a file, a header or a static library that gcc finds."""

    package: str
    why: str
    program: str = ""
    file: str = ""
    header: str = ""
    static: str = ""
    elsewhere: dict[str, str] = field(default_factory=dict)
    optional: bool = False

    @property
    def name(self) -> str:
        return self.program or self.file or self.header or f"lib{self.static}.a"

    def package_of(self, family: Family) -> str:
        """Empty: this family of distributions has none."""
        return self.elsewhere.get(family.name, self.package)


@dataclass(frozen=True)
class Tools:
    """data/tools.toml."""

    tool: tuple[Wanted, ...]


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


def check_tools(family: Family, runner: Runner | None = None) -> tuple[Tool, ...]:
    asked = runner or Runner(Cancel())
    wanted = read_toml(Tools, PACKAGE / "data/tools.toml").tool
    return tuple(Tool(one.name, one.package_of(family), one.why, one.optional, _found(one, asked)) for one in wanted)


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


def _found(wanted: Wanted, runner: Runner) -> str:
    if wanted.program:
        return str(find_program(wanted.program) or "")
    if wanted.file:
        return wanted.file if Path(wanted.file).exists() else ""
    if find_program(COMPILER) is None:
        return ""
    if wanted.header:
        result = runner.run(Command((COMPILER, "-x", "c", "-M", "-include", wanted.header, os.devnull)))
        read = result.text.replace("\\\n", " ").split() if result.status == 0 else []
        return next((path for path in read if path.endswith(f"/{wanted.header}")), "")
    found = runner.run(Command((COMPILER, f"-print-file-name=lib{wanted.static}.a"))).text.strip()
    return found if Path(found).is_file() else ""  # gcc echoes the name of what it does not find
