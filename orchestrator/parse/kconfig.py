"""Kconfig fragments and .config files as text: reading, merging, and what olddefconfig dropped.

The lines are those that scripts/kconfig/merge_config.sh understands: `CONFIG_X=value`, `# CONFIG_X is not set`,
comments and blank lines. A symbol that is absent from a .config counts as "n".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from orchestrator.errors import BadDeclaration
from orchestrator.model.kernel import Fragment

MAX_PLACES, MAX_BLOCKS = 20, 50  # entries of a symbol, and blocks around one, that a hint looks at
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


# --- why a symbol was dropped: best effort, for the hint of an error


@dataclass(frozen=True)
class Unmet:
    """Where a symbol is defined and what it depends on. `missing` are symbols in there that are not set."""

    symbol: str
    places: tuple[str, ...]
    depends: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def hint(self) -> str:
        if not self.places:
            return f"no Kconfig file defines {self.symbol}: misspelt, or of another kernel version"
        if not self.depends:
            return f"{self.symbol} ({self.places[0]}) has no prompt of its own here, or a choice decided otherwise"
        missing = f"; not set: {', '.join(self.missing)}" if self.missing else ""
        return f"{self.symbol} ({self.places[0]}) depends on {' && '.join(self.depends)}{missing}"


def unmet(symbol: str, kconfig_sources: Mapping[str, str] | None, config_text: str = "") -> Unmet:
    """Why `symbol` may have been dropped, from Kconfig files (path -> text) and the resulting .config.

    Reads `depends on` of the symbol's own entries and of enclosing `if` and `menu` blocks of the same file. Blocks that
    a file is sourced from are not followed.
    """
    name = symbol.removeprefix("CONFIG_")
    places: list[str] = []
    depends: dict[str, None] = {}
    for path, text in sorted((kconfig_sources or {}).items()):
        if not re.search(rf"^[ \t]*(?:menu)?config[ \t]+{re.escape(name)}[ \t\r]*$", text, re.MULTILINE):
            continue
        for number, expressions in islice(_definitions(name, text), MAX_PLACES):
            places.append(f"{path}:{number}")
            depends |= dict.fromkeys(expressions)
    is_set = {key.removeprefix("CONFIG_") for key in parse_config(config_text)}
    words = dict.fromkeys(word for expression in depends for word in _positive(expression))
    missing = [f"CONFIG_{word}" for word in words if config_text and word not in is_set]
    return Unmet(f"CONFIG_{name}", tuple(places), tuple(depends), tuple(missing))


def _positive(expression: str) -> list[str]:
    """Symbols that an expression wants set: not negated, not compared, no literal y/m/n."""
    text = re.sub(r"\$\([^()]*\)|\"[^\"]*\"|'[^']*'", " ", expression)
    text = re.sub(r"\b\w++\s*+(?:!?=|[<>]=?)\s*\w*", " ", text)
    return [word for bang, word in re.findall(r"(!\s*+)?\b([A-Z0-9_]{2,}[A-Za-z0-9_]*)\b", text) if not bang]


def _definitions(name: str, text: str) -> Iterable[tuple[int, list[str]]]:
    """Line and dependencies of each entry of a symbol in one Kconfig file."""
    blocks: list[list[str]] = []  # dependencies of the open if/menu/choice blocks
    entry: tuple[int, list[str]] | None = None
    in_menu_head = False
    help_indent: int | None = None  # -1: the next line with text sets it
    for number, raw in _joined(text):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        indent = len(raw.expandtabs()) - len(raw.expandtabs().lstrip())
        if help_indent == -1:
            help_indent = indent if indent else None
        if help_indent is not None:
            if indent >= help_indent:
                continue
            help_indent = None
        word, _, rest = line.partition(" ")
        rest = re.sub(r"\s#.*$", "", rest).strip()
        word = word.split("\t")[0]
        if word in (
            "config",
            "menuconfig",
            "choice",
            "comment",
            "menu",
            "if",
            "endif",
            "endmenu",
            "endchoice",
            "source",
        ):
            if entry:
                yield entry
            entry, in_menu_head = None, word in ("menu", "choice")
        if word in ("config", "menuconfig") and rest == name:
            entry = (number, [expression for block in blocks[-MAX_BLOCKS:] for expression in block])
        elif word == "if":
            blocks.append([rest])
        elif word in ("menu", "choice"):
            blocks.append([])
        elif word in ("endif", "endmenu", "endchoice") and blocks:
            blocks.pop()
        elif word in ("help", "---help---"):
            help_indent = -1
        elif match := re.match(r"depends\s++on\s++(?=\S)", line):
            expression = line[match.end() :].partition(" #")[0].partition("\t#")[0].strip()
            if entry:
                entry[1].append(expression)
            elif in_menu_head and blocks:
                blocks[-1].append(expression)
    if entry:
        yield entry


def _joined(text: str) -> Iterable[tuple[int, str]]:
    """Numbered lines, continued ones (with a backslash at the end) put together."""
    first, parts = 0, list[str]()
    for number, line in enumerate(text.split("\n"), 1):
        first = first if parts else number
        if line.endswith("\\"):
            parts.append(line[:-1])
            continue
        yield first, "".join(parts) + line.strip() if parts else line
        parts = []
