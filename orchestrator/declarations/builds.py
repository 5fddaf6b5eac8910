"""data/builds.toml: the kernels that are compiled and not booted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.declarations.files import read_toml
from orchestrator.model.kernel import USUAL_ARCH, USUAL_TOOLCHAIN, Fragment, Kconfig, Variant
from orchestrator.parse.configuration.kconfig import optional_symbols, parse_fragment


@dataclass(frozen=True)
class _Build:
    name: str
    why: str
    over: str = ""
    arch: str = USUAL_ARCH
    toolchain: str = USUAL_TOOLCHAIN
    symbols: str = ""


@dataclass(frozen=True)
class _Builds:
    build: tuple[_Build, ...]


def read_builds(path: Path, kconfig: Callable[[str], Kconfig]) -> tuple[Variant, ...]:
    """The kernels, in their order. `kconfig` finds one of ours by its name. Raises BadDeclaration, UnknownName."""
    return tuple(_variant(one, path, kconfig) for one in read_toml(_Builds, path).build)


def _variant(one: _Build, path: Path, kconfig: Callable[[str], Kconfig]) -> Variant:
    below = kconfig(one.over).on(one.arch).fragments if one.over else ()
    where = f"{path}: {one.name}"
    own = Fragment(one.name, path, parse_fragment(one.symbols, where), may_lack=optional_symbols(one.symbols))
    return Variant(Kconfig(one.name, (*below, own)), one.toolchain, one.arch)
