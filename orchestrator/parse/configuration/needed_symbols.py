"""What a series changes -> the symbols of the kernel's configuration that would compile it. Pure.

From changed lines to symbols lead the Makefiles, which name the object of a file, and the conditions of #if; from these
symbols to others lead their entries in Kconfig files: what each depends on, and who selects one that nobody can set.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from orchestrator.parse.code.c_conditions import holds, joined, symbols_to_set
from orchestrator.parse.code.c_statements import CStatement, Kind, statements
from orchestrator.parse.code.changed_lines import ChangedLines
from orchestrator.parse.configuration.kbuild import symbols_for
from orchestrator.parse.configuration.kconfig_entries import Entry, Index, index

MOST_SYMBOLS = 100  # that a series may need: what leads to more is something else than the code of one change
LONGEST = 2000  # characters of an expression that is read; the longest of 6.12 has 700
DEEPEST = 50  # parentheses and negations of one
MOST_WAYS = 50  # to have a symbol set that nobody can set
_WORD = re.compile(r"\$\([^()]*\)|\"[^\"]*\"|'[^']*'|\w+|&&|\|\||!=|[=!()]|\S")
_TRUE, _FALSE, _UNKNOWN = "1", "0", "UNKNOWN"
_LITERALS = {"y": _TRUE, "n": _FALSE, "m": _FALSE}  # what is a module is in no image


@dataclass(frozen=True)
class ChangedText:
    """A changed file of the kernel's sources: which lines changed, and the file as it is with the series."""

    lines: ChangedLines
    text: str


def needed_symbols(
    files: Mapping[str, ChangedText],
    makefiles: Mapping[str, str],
    kconfigs: Mapping[str, str],
    symbols: Collection[str],
) -> tuple[str, ...]:
    """The symbols that a kernel lacks to have all that a series changes, those first that the code asks for itself.
    `symbols` are those that it has set. Where several would each do, the first; not listed are those that are set by
    others, and those of which nothing is known."""
    wanted: dict[str, None] = {}
    for file, changed in files.items():
        is_source = not file.endswith(".h")
        wanted |= dict.fromkeys(symbols_for(file, makefiles, symbols) if is_source else ())
        for one in _code(changed):
            wanted |= dict.fromkeys(symbols_to_set(joined(one.conditions), symbols) if one.conditions else ())
    return _with_dependencies(wanted, index(kconfigs.values()), frozenset(symbols)) if wanted else ()


def is_compiled(file: str, changed: ChangedText, makefiles: Mapping[str, str], symbols: Collection[str]) -> bool:
    """Whether a kernel with these symbols has some of the code that changed in a file, as far as its configuration
    decides that. Of a header, declarations alone are no code."""
    code = list(_code(changed))
    if file.endswith(".h"):
        code = [one for one in code if one.function]
    elif symbols_for(file, makefiles, symbols):
        return False
    elif not code:  # something was only removed, or is told by no statement
        return True
    return any(not one.conditions or holds(joined(one.conditions), symbols) is not False for one in code)


def _code(changed: ChangedText) -> Iterable[CStatement]:
    for one in statements(changed.text):
        if one.kind is not Kind.DIRECTIVE and not changed.lines.added.isdisjoint(range(one.first, one.last + 1)):
            yield one


def _with_dependencies(wanted: Iterable[str], kconfigs: Index, symbols: frozenset[str]) -> tuple[str, ...]:
    found: dict[str, bool] = {}  # whether somebody can set it
    queue = [*wanted]
    while queue and len(found) < MOST_SYMBOLS:
        symbol = queue.pop(0)
        if symbol in found or symbol in symbols:
            continue
        known = kconfigs.defining.get(symbol.removeprefix("CONFIG_"), ())[:MOST_WAYS]
        if not known:
            continue
        there = symbols | found.keys()
        entry = min(known, key=lambda one: (not one.prompts, len(_missing(one, there))))
        found[symbol] = bool(entry.prompts)
        queue += _missing(entry, there)
        if not entry.prompts:
            queue += _setters(entry, kconfigs, there)
    return tuple(symbol for symbol, can_be_set in found.items() if can_be_set)


def _conditions(entry: Entry) -> list[str]:
    """Of being set, as of #if: of all of these each has to hold."""
    prompts = " || ".join(f"({_as_c(one)})" for one in entry.prompts)
    return [*map(_as_c, entry.depends), *([prompts] if prompts else [])]


def _missing(entry: Entry, symbols: Collection[str]) -> tuple[str, ...]:
    """The symbols to set so that an entry can be set."""
    return tuple(dict.fromkeys(name for one in _conditions(entry) for name in symbols_to_set(one, symbols)))


def _setters(entry: Entry, kconfigs: Index, symbols: Collection[str]) -> tuple[str, ...]:
    """The symbols to set so that one is set that has no prompt: by its default, or by one that selects it, whichever
    takes fewest."""
    defaults = [f"({_as_c(value)}) && ({_as_c(when)})" for value, when in entry.defaults]
    if any(holds(one, symbols) is not False for one in defaults):
        return ()
    ways = [found for one in defaults if (found := symbols_to_set(one, symbols))]
    for one in kconfigs.selecting.get(entry.name, ())[:MOST_WAYS]:
        missing = _missing(one, symbols)
        if one.prompts and all(holds(each, {*symbols, *missing}) is not False for each in _conditions(one)):
            ways.append((f"CONFIG_{one.name}", *missing))
    return min(ways, key=len, default=())


def _as_c(expression: str) -> str:
    """An expression of Kconfig as one of #if: `A && (B || !C) && D=y`, `A if B`. What a compiler or a number says is
    unknown."""
    said, _, when = expression.partition(" if ")
    return f"({_plain(said)}) || !({_plain(when)})" if when else _plain(said)


def _plain(expression: str) -> str:
    if len(expression) > LONGEST or expression.count("(") + expression.count("!") > DEEPEST:
        return _UNKNOWN
    tokens, words = _WORD.findall(expression), []
    while tokens:
        token = tokens.pop(0)
        if tokens[:1] in (["="], ["!="]) and len(tokens) > 1:
            sign, value = tokens.pop(0), tokens.pop(0)
            words.append(_compared(token, sign, value))
        elif re.fullmatch(r"\w+", token):
            words.append(_LITERALS.get(token, f"defined(CONFIG_{token})"))
        else:
            words.append(token if token in ("&&", "||", "!", "(", ")") else _UNKNOWN)
    return " ".join(words)


def _compared(name: str, sign: str, value: str) -> str:
    if value not in ("y", "n") or not re.fullmatch(r"\w+", name):
        return _UNKNOWN
    return f"defined(CONFIG_{name})" if (value == "y") == (sign == "=") else f"!defined(CONFIG_{name})"
