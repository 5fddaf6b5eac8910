"""Whole .config files: a distribution's, a developer's own. Reading, and what became of one in a kernel of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from orchestrator.model.kernel import Fragment, Kconfig
from orchestrator.parse.configuration.kconfig import parse_config, same
from orchestrator.words import counted

HEAD_LINES, MAX_NAMED = 20, 4  # where make says what it wrote; symbols that a note names
_HEAD = re.compile(r"# (Linux/\S+ \S+) Kernel Configuration\s*")
_OF_COMPILER = re.compile(r"^CONFIG_CC_(?:VERSION_TEXT|IS_GCC|IS_CLANG)=", re.MULTILINE)
_LINE = re.compile(r"(CONFIG_\w+)=(.*)|# (CONFIG_\w+) is not set")


def head(text: str) -> str:
    """What make wrote at the top: `Linux/x86 6.12.117`; empty where it stands not there."""
    lines = islice(text.splitlines(), HEAD_LINES)
    return next((match[1] for line in lines if (match := _HEAD.fullmatch(line))), "")


def is_whole(text: str) -> bool:
    """Whether it is a .config as make writes it, and no fragment: it says so, or has what nobody sets by hand."""
    return bool(head(text) or _OF_COMPILER.search(text))


def whole_symbols(text: str) -> tuple[tuple[str, str], ...]:
    """All symbols, "n" for those that are not set. As for make, the last line of a symbol holds and lines of other
    forms say nothing."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if match := _LINE.fullmatch(line.rstrip()):
            found[match[1] or match[3]] = "n" if match[3] else match[2]
    if found.get("CONFIG_SMP") != "y":  # its one CPU is no choice: of a kernel with several it says nothing
        found.pop("CONFIG_NR_CPUS", None)
    return tuple(found.items())


def cpus_of(whole: Fragment) -> int:
    """How many CPUs a kernel of a whole .config has at most; 0: it does not say."""
    said = dict(whole.symbols).get("CONFIG_NR_CPUS", "")
    return int(said) if re.fullmatch(r"\d{1,5}", said) else 0


def arch_of(symbols: Mapping[str, str], arches: Mapping[str, str]) -> str:
    """The architecture that a .config is for; `arches` maps names to the symbols that tell. Empty: none of these."""
    return next((name for name, symbol in arches.items() if symbols.get(symbol) == "y"), "")


@dataclass(frozen=True)
class Change:
    """A symbol that a kernel has with another value than the .config that it was made from. `by` is the fragment that
    asked for it; empty: what others depend on, the tree or the compiler."""

    symbol: str
    theirs: str
    ours: str
    by: str = ""

    def __str__(self) -> str:
        return f"{self.symbol}: {self.theirs} -> {self.ours}" + (f" ({self.by})" if self.by else "")


def changes(kconfig: Kconfig, config_text: str) -> tuple[Change, ...]:
    """How a kernel's .config differs from the whole one in the place of tinyconfig; nothing without one."""
    whole = kconfig.whole
    if whole is None:
        return ()
    got = parse_config(config_text)
    by = {symbol: one.name for one in kconfig.fragments if one is not whole for symbol, _ in one.symbols}
    return tuple(
        Change(symbol, theirs, ours, by.get(symbol, ""))
        for symbol, theirs in whole.symbols
        if not same(theirs, ours := got.get(symbol, "n"))
    )


def told(kconfig: Kconfig, found: tuple[Change, ...]) -> str:
    """What a note says of them; empty where there is nothing to say."""
    if not kconfig.whole:
        return ""
    asked = [one for one in found if one.by]
    built_in = [one for one in asked if (one.theirs, one.ours) == ("m", "y")]
    otherwise = [one for one in asked if one not in built_in]
    names = ", ".join(one.symbol.removeprefix("CONFIG_") for one in otherwise[:MAX_NAMED])
    more = f" and {len(otherwise) - MAX_NAMED} more" if len(otherwise) > MAX_NAMED else ""
    rest = len(found) - len(asked)
    parts = (
        f"{counted(len(built_in), 'module')} built in" if built_in else "",
        f"set otherwise: {names}{more}" if otherwise else "",
        f"{counted(rest, 'more symbol')} of {len(kconfig.whole.symbols):,} otherwise in this tree" if rest else "",
    )
    said = "; ".join(filter(None, parts)) or "as it is"
    return f"{kconfig.whole.name}: {said}"
