"""Kconfig files as text: the entries of a symbol, and why a symbol was dropped. Pure.

Best effort, for hints and for what a series needs: blocks that a file is sourced from are not followed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from orchestrator.parse.configuration.kconfig import parse_config

MAX_PLACES, MAX_BLOCKS = 20, 50  # entries of a symbol, and blocks around one, that are looked at
_BLOCKS = frozenset({
    "config", "menuconfig", "choice", "comment", "menu", "if", "endif", "endmenu", "endchoice", "source",
})  # fmt: skip
_PROMPT = re.compile(r"(?:bool|tristate|int|hex|string|prompt)\s*(?:\"[^\"]*\"|'[^']*')\s*(?:if\b\s*(?P<when>.+))?$")
_DEFAULT = re.compile(r"(?:def_bool|def_tristate|default)\s(?P<rest>.+)$")
_SELECT = re.compile(r"select\s+(?P<name>\w+)")


@dataclass
class Entry:
    """One definition of a symbol (its name without CONFIG_). All `depends` hold where it can be set, those of the
    blocks around it included, and so does one of `prompts` (conditions) where a user may set it; without any it is set
    by one of `defaults` (value, condition) or by whoever selects it."""

    name: str
    line: int
    depends: list[str] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    defaults: list[tuple[str, str]] = field(default_factory=list)
    selects: list[str] = field(default_factory=list)


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
    """Why `symbol` may have been dropped, from Kconfig files (path -> text) and the resulting .config."""
    name = symbol.removeprefix("CONFIG_")
    found = _definitions(name, kconfig_sources or {})
    places = [f"{path}:{entry.line}" for path, entry in found]
    depends = dict.fromkeys(expression for _, entry in found for expression in entry.depends)
    is_set = {key.removeprefix("CONFIG_") for key in parse_config(config_text)}
    words = dict.fromkeys(word for expression in depends for word in _positive(expression))
    missing = [f"CONFIG_{word}" for word in words if config_text and word not in is_set]
    return Unmet(f"CONFIG_{name}", tuple(places), tuple(depends), tuple(missing))


def _definitions(name: str, kconfigs: Mapping[str, str]) -> list[tuple[str, Entry]]:
    """The entries of a symbol, each with the file it is in: MAX_PLACES of a file at most."""
    head = re.compile(rf"^[ \t]*(?:menu)?config[ \t]+{re.escape(name)}[ \t\r]*$", re.MULTILINE)
    return [
        (path, entry)
        for path, text in sorted(kconfigs.items())
        if head.search(text)
        for entry in islice((one for one in entries(text) if one.name == name), MAX_PLACES)
    ]


@dataclass(frozen=True)
class Index:
    """All entries of some Kconfig files, by the symbols that they define and by those that they select."""

    defining: Mapping[str, Sequence[Entry]]
    selecting: Mapping[str, Sequence[Entry]]


def index(texts: Iterable[str]) -> Index:
    """Of a kernel's 1,600 files in about a second."""
    defining, selecting = defaultdict[str, list[Entry]](list), defaultdict[str, list[Entry]](list)
    for text in texts:
        for entry in entries(text):
            defining[entry.name].append(entry)
            for name in dict.fromkeys(entry.selects):
                selecting[name].append(entry)
    return Index(dict(defining), dict(selecting))


def _positive(expression: str) -> list[str]:
    """Symbols that an expression wants set: not negated, not compared, no literal y/m/n."""
    text = re.sub(r"\$\([^()]*\)|\"[^\"]*\"|'[^']*'", " ", expression)
    text = re.sub(r"\b\w++\s*+(?:!?=|[<>]=?)\s*\w*", " ", text)
    return [word for bang, word in re.findall(r"(!\s*+)?\b([A-Z0-9_]{2,}[A-Za-z0-9_]*)\b", text) if not bang]


def entries(text: str) -> Iterator[Entry]:
    """All definitions of a Kconfig file, in order."""
    blocks: list[list[str]] = []  # dependencies of the open if/menu/choice blocks
    entry: Entry | None = None
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
        word, _, rest = line.replace("\t", " ").partition(" ")
        rest = rest.partition(" #")[0].strip()
        if word in _BLOCKS:
            if entry:
                yield entry
            entry, in_menu_head = None, word in ("menu", "choice")
        if word in ("config", "menuconfig"):
            entry = Entry(rest, number, [expression for block in blocks[-MAX_BLOCKS:] for expression in block])
        elif word == "if":
            blocks.append([rest])
        elif word in ("menu", "choice"):
            blocks.append([])
        elif word in ("endif", "endmenu", "endchoice") and blocks:
            blocks.pop()
        elif word in ("help", "---help---"):
            help_indent = -1
        elif entry:
            _read_property(entry, line)
        elif in_menu_head and blocks and (expression := _dependency(line)):
            blocks[-1].append(expression)
    if entry:
        yield entry


def _read_property(entry: Entry, line: str) -> None:
    if expression := _dependency(line):
        entry.depends.append(expression)
    elif match := _SELECT.match(line):
        entry.selects.append(match["name"])
    elif match := _PROMPT.match(line):
        entry.prompts.append(match["when"] or "y")
    elif match := _DEFAULT.match(line):
        value, _, when = match["rest"].replace("\t", " ").partition(" #")[0].partition(" if ")
        entry.defaults.append((value.strip(), when.strip() or "y"))


def _dependency(line: str) -> str:
    """What follows `depends on`; empty in any other line."""
    match = re.match(r"depends\s++on\s++(?=\S)", line)
    return line[match.end() :].partition(" #")[0].partition("\t#")[0].strip() if match else ""


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
