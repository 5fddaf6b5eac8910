"""Names in the file of a plan -> what they stand for: files beside it, machines, toolchains, kconfigs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.build.toolchains import check_toolchain, compiler_of
from orchestrator.codec import Place
from orchestrator.declarations.catalog import Catalog
from orchestrator.declarations.kconfigs import kconfig_parts
from orchestrator.host.real_path import at_home, real_path
from orchestrator.model.kernel import Kconfig
from orchestrator.nights.checker import Checker
from orchestrator.nights.forms import EntryForm, PlanForm

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,60}")


@dataclass(frozen=True)
class Names:
    """Of the plan in `file`. What a name does not stand for is told to the checker."""

    file: Path
    catalog: Catalog
    checker: Checker

    def machines(self, place: Place, given: EntryForm | PlanForm) -> tuple[str, ...]:
        """Those that are named; without any, the one of each architecture. A machine says which architecture it is."""
        named, found = [], []
        for number, machine in enumerate(given.machines):
            with self.checker.at(*place, "machines", number):
                named.append(self.catalog.machine(machine))
        for number, arch in enumerate(given.arches):
            with self.checker.at(*place, "arches", number):
                usual = self.catalog.arch(arch).machine
                if not usual:
                    self.checker.wrong((*place, "arches", number), f"{arch}: no machine boots its kernels")
                elif given.machines and all(machine.arch != arch for machine in named):
                    self.checker.wrong((*place, "arches", number), f"{arch}: none of the machines beside it is one")
                found.append(usual)
        return tuple(machine.name for machine in named) or tuple(found)

    def toolchains(self, place: Place, names: Sequence[str]) -> tuple[str, ...]:
        """Those that are installed; a directory is relative to the plan."""
        found = []
        for number, name in enumerate(names):
            with self.checker.at(*place, "toolchains", number):
                checked = check_toolchain(str(self.path(name)) if "/" in name else name)
                compiler_of(checked)
                found.append(checked)
        return tuple(dict.fromkeys(found))

    def kconfigs(self, named: Iterable[tuple[Place, Sequence[str]]]) -> list[Kconfig]:
        found = []
        for place, names in named:
            for number, name in enumerate(names):
                with self.checker.at(*place, "kconfigs", number):
                    found.append(self.catalog.kconfig(self.spec(name)))
        return found

    def spec(self, kconfig: str) -> str:
        """With the files of a kconfig by absolute paths."""
        return "+".join(str(self.path(part)) if "/" in part else part for part in kconfig_parts(kconfig, self.path))

    def name(self, name: str, *place: str | int) -> None:
        if not NAME.fullmatch(name):
            self.checker.wrong(place, f"{name!r} cannot be a name", "letters, digits, - _ and .; not these first")

    def path(self, text: str) -> Path:
        """Relative to the plan file, wherever the command is run."""
        try:
            return real_path(real_path(self.file).parent / at_home(text))
        except (ValueError, OSError):  # a NUL
            return Path(text)

    def written(self, text: str) -> str:
        return str(self.path(text)) if text else ""
