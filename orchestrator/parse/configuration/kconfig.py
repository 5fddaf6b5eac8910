"""Kconfig fragments and .config files as text: reading, merging, and what olddefconfig dropped.

The lines are those that scripts/kconfig/merge_config.sh understands: `CONFIG_X=value`, `# CONFIG_X is not set`,
comments and blank lines. A symbol that is absent from a .config counts as "n".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.errors import BadDeclaration
from orchestrator.model.kernel import Fragment

_MAY_LACK = re.compile(r"# (?:optional|since: (\d+\.\d+))")
_FOR_TINYCONFIG = re.compile(r"# over: tinyconfig")
_ARCHES = re.compile(r"# arch: *(\S.*)")
_SET = re.compile(r"(CONFIG_\w+)=(.*)")
_NOT_SET = re.compile(r"# (CONFIG_\w+) is not set\s*$")
_ALMOST_NOT_SET = re.compile(r"#\s*(CONFIG_\w+)\s+is\s+not\s+set\b", re.IGNORECASE)
_VALUE = re.compile(r'[ynm]|-?\d+|0[xX][0-9a-fA-F]+|"(?:[^"\\]|\\.)*"')


@dataclass(frozen=True)
class Conflict:
    """Two fragments that disagree; the later one wins. `before` and `after` are (fragment, value)."""

    symbol: str
    before: tuple[str, str]
    after: tuple[str, str]


@dataclass(frozen=True)
class Dropped:
    """A symbol that the final .config has with another value than the fragment asked for."""

    symbol: str
    wanted: str
    got: str
    fragment: str
    may_lack: bool = False  # a kernel of this version may be without it
    is_later: bool = False  # the fragment says that kernels have it in this form since a version after this one


def parse_fragment(text: str, where: str) -> tuple[tuple[str, str], ...]:
    """Symbols of a fragment in order; `where` is its name in errors. Raises BadDeclaration for a line of no known form.

    A symbol that is given twice with different values is an error too: one of them must be a mistake.
    """
    symbols: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        symbol, value = _fragment_line(line, f"{where}:{number}")
        if not symbol:
            continue
        if symbols.get(symbol, value) != value:
            raise BadDeclaration(
                f"{where}:{number}: {symbol} is {value} here and {symbols[symbol]} above", hint="keep one of them"
            )
        symbols[symbol] = value
    return tuple(symbols.items())


def optional_symbols(text: str) -> tuple[tuple[str, str], ...]:
    """The symbols that a kernel need not define: those between a line `# optional` or `# since: 6.15` and the next
    blank line, each with the version since which kernels have it; "" for `# optional`."""
    return tuple((symbol, mark[1] or "") for symbol, mark in _below(_MAY_LACK, text))


def symbols_for_tinyconfig(text: str) -> tuple[str, ...]:
    """The symbols that a fragment has for tinyconfig and for no whole .config: those between a line
    `# over: tinyconfig` and the next blank line."""
    return tuple(symbol for symbol, _ in _below(_FOR_TINYCONFIG, text))


def _below(mark: re.Pattern[str], text: str) -> Iterable[tuple[str, re.Match[str]]]:
    """The symbols below lines that match, up to the next blank line, each with the nearest such line."""
    above: re.Match[str] | None = None
    for line in map(str.strip, text.splitlines()):
        if match := mark.fullmatch(line):
            above = match
        elif not line:
            above = None
        elif above and (symbol := _SET.match(line) or _NOT_SET.match(line)):
            yield symbol[1], above


def arches_in(text: str) -> tuple[str, ...]:
    """The architectures for which a fragment has symbols of their own: those of lines `# arch: arm64 riscv64`."""
    found = (match[1].split() for line in text.splitlines() if (match := _ARCHES.fullmatch(line.strip())))
    return tuple(dict.fromkeys(name for names in found for name in names))


def text_on(arch: str, text: str) -> str:
    """A fragment as it is on an architecture: without what stands between a line `# arch:` that does not name it and
    the next blank line. All lines keep their numbers."""
    kept: list[str] = []
    is_others = False
    for line in text.splitlines():
        if match := _ARCHES.fullmatch(line.strip()):
            is_others = arch not in match[1].split()
        elif not line.strip():
            is_others = False
        kept.append("" if is_others else line)
    return "\n".join(kept)


def _version(config_text: str) -> tuple[int, ...]:
    """Of the kernel, from the head that make writes; nothing if there is none."""
    match = re.search(r"^# Linux/\S+ (\d+)\.(\d+)", config_text, re.MULTILINE)
    return (int(match[1]), int(match[2])) if match else ()


def _fragment_line(line: str, place: str) -> tuple[str, str]:
    if match := _NOT_SET.match(line):
        return match[1], "n"
    if match := _ALMOST_NOT_SET.match(line):
        # a comment for merge_config.sh, so the symbol would silently keep its value
        raise BadDeclaration(f"{place}: {line!r} unsets nothing", hint=f"write exactly: # {match[1]} is not set")
    if not line or line.startswith("#"):
        return "", ""
    match = _SET.match(line)
    if match is None:
        raise BadDeclaration(
            f"{place}: not a kconfig line: {line!r}", hint="write CONFIG_X=value, or: # CONFIG_X is not set"
        )
    value = match[2].strip()
    if not _VALUE.fullmatch(value):
        raise BadDeclaration(
            f"{place}: {match[1]} has no kconfig value: {value!r}",
            hint='a value is y, n, m, a number, or a "string"; a comment needs its own line',
        )
    return match[1], value


def parse_config(text: str) -> dict[str, str]:
    """Symbols of a .config, without those that are not set. Lines of other forms are ignored: make wrote it."""
    return {
        match[1]: match[2] for line in text.splitlines() if (match := _SET.match(line.rstrip())) and match[2] != "n"
    }


def set_symbols(text: str) -> frozenset[str]:
    """The symbols of a .config as C sees them: CONFIG_X of what is built in or has a value, CONFIG_X_MODULE of a
    module, of which no image has anything."""
    return frozenset(f"{name}_MODULE" if value == "m" else name for name, value in parse_config(text).items())


def config_line(symbol: tuple[str, str]) -> str:
    """The line of a symbol and its value in a .config, with its end."""
    name, value = symbol
    return f"# {name} is not set\n" if value == "n" else f"{name}={value}\n"


def merge(fragments: Sequence[Fragment]) -> tuple[tuple[tuple[str, str], ...], tuple[Conflict, ...]]:
    """All symbols with the value that wins (the last one), and where fragments disagree."""
    winner: dict[str, tuple[str, str]] = {}
    conflicts: list[Conflict] = []
    for fragment in fragments:
        for symbol, value in fragment.symbols:
            before = winner.get(symbol)
            if before and before[1] != value:
                conflicts.append(Conflict(symbol, before, (fragment.name, value)))
            winner[symbol] = (fragment.name, value)
    return tuple((symbol, value) for symbol, (_, value) in winner.items()), tuple(conflicts)


def dropped(fragments: Sequence[Fragment], config_text: str) -> tuple[Dropped, ...]:
    """What was demanded (by the last fragment that says so) and is not in the .config."""
    got, version = parse_config(config_text), _version(config_text)
    said = [one for fragment in fragments for one in fragment.may_lack]
    later = {symbol for symbol, since in said if since and version < tuple(map(int, since.split(".")))}
    may_lack = later | {symbol for symbol, since in said if not since}
    wanted = {symbol: (value, fragment) for fragment in fragments for symbol, value in fragment.symbols}
    return tuple(
        Dropped(symbol, value, got.get(symbol, "n"), fragment.name, symbol in may_lack, symbol in later)
        for symbol, (value, fragment) in wanted.items()
        if fragment.is_demand and not same(value, got.get(symbol, "n"))
    )


def same(wanted: str, got: str) -> bool:
    """Whether two values of a symbol are one: olddefconfig rewrites hexadecimal numbers in its own way."""
    if wanted[:2].lower() == "0x" and got[:2].lower() == "0x":
        return int(wanted, 16) == int(got, 16)
    return wanted == got
