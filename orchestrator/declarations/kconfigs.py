"""kconfigs/*.config, and files that --kconfig names: fragments over tinyconfig, or a whole .config in its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path, PurePath

from orchestrator.declarations import schema
from orchestrator.declarations.files import read_text
from orchestrator.declarations.names import check_kconfig_name
from orchestrator.declarations.schema import Plain
from orchestrator.errors import BadDeclaration
from orchestrator.model.arch import Arch
from orchestrator.model.kernel import Fragment
from orchestrator.parse.configuration.kconfig import (
    arches_in,
    optional_symbols,
    parse_fragment,
    symbols_for_tinyconfig,
    text_on,
)
from orchestrator.parse.configuration.whole_config import arch_of, head, is_whole, whole_symbols

KEY = re.compile(r"# ([a-z][\w-]*): (.*)")
OF_SYMBOLS = ("arch", "since", "over")  # they are about the symbols below them, also at the top
OVER_ELSE = re.compile(r"^# over: (?!tinyconfig\s*$)(.*)", re.MULTILINE)
NO_NAME = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True)
class _Head:
    """The keys in the comment at the top: "# slowdown: 2". One named like the file says what it is for."""

    slowdown: float = 1.0


def kconfig_parts(spec: str, find: Callable[[str], Path] = Path) -> tuple[str, ...]:
    """The names and paths that `debug+./mine.config` joins; `find` says where a path leads. A file's own name may have
    a + in it: of all that could be meant the longest path to a file is."""
    parts, words = list[str](), spec.split("+")
    while words:
        joined = ["+".join(words[:count]) for count in range(len(words), 0, -1)]
        part = next((one for one in joined[:-1] if "/" in words[0] and find(one).is_file()), words[0])
        parts.append(part)
        words = words[part.count("+") + 1 :]
    return tuple(parts)


def kconfig_name(path: PurePath) -> str:
    """What a kconfig is called that is given as a file: `mine` for mine.config, `config` for .config, and
    `config-6-12-57-deb12-amd64` for config-6.12.57+deb12-amd64."""
    name = path.name.lstrip(".")
    stem, _, suffix = name.rpartition(".")
    return NO_NAME.sub("-", stem if stem and suffix.isalpha() else name).strip("-")


def read_fragment(path: Path, arches: Mapping[str, Arch], name: str = "") -> Fragment:
    """A kconfig fragment, or a whole .config. Raises UsageError, BadDeclaration."""
    name = name or path.stem
    check_kconfig_name(name, str(path))
    text = read_text(path)
    found = map(KEY.fullmatch, takewhile(lambda line: line.startswith("#"), text.splitlines()))
    keys = {match[1]: Plain(match[2].strip()) for match in found if match and match[1] not in (name, *OF_SYMBOLS)}
    slowdown = schema.declared(_Head, keys, str(path)).slowdown
    read = _whole if is_whole(text) else _fragment
    made = read(path, name, text, slowdown, arches)
    if not made.symbols and not made.on_arch:
        raise BadDeclaration(f"{path}: sets no symbol", hint="a line is CONFIG_X=value, or: # CONFIG_X is not set")
    return made


def _fragment(path: Path, name: str, text: str, slowdown: float, arches: Mapping[str, Arch]) -> Fragment:
    def on(arch: str) -> tuple[tuple[str, str], ...]:
        return parse_fragment(text_on(arch, text), str(path))

    for arch in arches_in(text):
        if arch not in arches:
            raise BadDeclaration(f"{path}: # arch: {arch}: unknown", hint=f"known: {', '.join(arches)}")
    if match := OVER_ELSE.search(text):
        raise BadDeclaration(f"{path}: # over: {match[1]}: unknown", hint="known: tinyconfig")
    on_arch = tuple((arch, on(arch)) for arch in arches_in(text))
    return Fragment(
        name, path, on(""), slowdown, optional_symbols(text), on_arch, for_tinyconfig=symbols_for_tinyconfig(text)
    )


def _whole(path: Path, name: str, text: str, slowdown: float, arches: Mapping[str, Arch]) -> Fragment:
    symbols = whole_symbols(text)
    arch = arch_of(dict(symbols), {one.name: one.kconfig for one in arches.values()})
    if symbols and not arch:
        of = f", but of {said}" if (said := head(text)) else ""
        raise BadDeclaration(
            f"{path}: a whole .config, of no architecture that is known here{of}", hint=f"known: {', '.join(arches)}"
        )
    return Fragment(name, path, symbols, slowdown, whole_of=arch, is_demand=False)
