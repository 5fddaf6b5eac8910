"""Names of declared things: which may be given, and where one is looked up, an unknown one with near ones suggested."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from orchestrator.errors import BadDeclaration, UnknownName
from orchestrator.words import near

T = TypeVar("T")

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")  # joined by . and + in the names of suites, builds and directories
DOTTED = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")  # of a case that shares its directory
STAGES = frozenset({
    "accelerator", "toolchain", "base", "apply", "screen", "schemata", "configure", "build", "vma-userspace",
    "radix-tree-userspace",
    "static-checks", "programs", "userland", "coverage", "instructions", "cost", "boot",
})  # fmt: skip
"""Of a suite's own steps: they stand beside its cases in a report."""
RESERVED = STAGES | {
    "patched", "baseline", "mutated", "per-patch", "bisected", "compiled",  # kernels
    "cases", "logs", "patches", "stages", "attempts", "run",  # in a run directory
    "json", "xml", "sh",  # KCONFIG.MUTANT is a directory beside run.json, junit.xml and reproduce.sh
}  # fmt: skip
LISTS = {
    "test case": "testcases",
    "kconfig": "kconfigs",
    "machine": "machines",
    "architecture": "architectures",
}  # what `orchestrate list` calls them
NEEDED = "needed"  # the kconfig whose symbols are found for each series
FEW = 12  # names that one hint may hold
NUMBERED = re.compile(r"(?:patch|guest)-\d+")  # kernels of the first patches, guests


def check_kconfig_name(name: str, where: str) -> None:
    """Raises BadDeclaration for a name that cannot be told apart in `debug+kasan` and `debug.patched`."""
    _check_form("kconfig", name, where, PLAIN)
    if name == NEEDED:
        raise BadDeclaration(f"{where}: a kconfig cannot be called {name}: that is ours", hint="give it another name")


def check_case_name(name: str, where: str) -> None:
    """Raises BadDeclaration for a name that could be a path, or that something of ours has already."""
    _check_form("test case", name, where, DOTTED)
    _check_free("test case", name, where)


def check_mutant_name(name: str, where: str) -> None:
    """Raises BadDeclaration as `check_case_name`."""
    _check_form("mutant", name, where, PLAIN)
    _check_free("mutant", name, where)


def _check_form(kind: str, name: str, where: str, form: re.Pattern[str]) -> None:
    if not form.fullmatch(name):
        raise BadDeclaration(
            f"{where}: {name!r} cannot be the name of a {kind}", hint="letters, digits, - and _; - and _ not first"
        )


def _check_free(kind: str, name: str, where: str) -> None:
    if name in RESERVED or NUMBERED.fullmatch(name):
        raise BadDeclaration(
            f"{where}: a {kind} cannot be called {name}: a stage, a kernel or a file of every run is",
            hint="give it another name",
        )


def named(kind: str, name: str, known: Mapping[str, T]) -> T:
    """The thing of that name; `kind` is what people call such things. Raises UnknownName."""
    try:
        return known[name]
    except KeyError:
        hint = near(name, known) or _listed(kind, known)
        if all(part.strip() in known for part in name.split(",")):
            hint = "one name at a time: give the option several times"
        raise UnknownName(f"unknown {kind} {name}", hint=hint) from None


def _listed(kind: str, known: Mapping[str, object]) -> str:
    if len(known) > FEW and kind in LISTS:
        return f"`orchestrate list {LISTS[kind]}` lists the {len(known)} that there are"
    more = f" and {len(known) - FEW} more" if len(known) > FEW else ""
    return f"known: {', '.join([*known][:FEW])}{more}"
