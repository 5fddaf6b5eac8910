"""Preprocessor conditions against a kernel's configuration: is a line compiled, and which symbols would compile it?

Pure. What is not known (__has_attribute, BITS_PER_LONG, the value of a number) stays unknown: nobody is told that a
line is not compiled unless the configuration alone says so.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

_TOKEN = re.compile(r"\w+|&&|\|\||[=!<>]=|[!<>()?:,]|\S")
_SYMBOL = re.compile(r"\bCONFIG_\w+")
_NEGATED = re.compile(r"![\s(]*(?:(?:defined|IS_ENABLED)[\s(]*)?(CONFIG_\w+)")
_FUNCTIONS = ("defined", "IS_ENABLED", "IS_BUILTIN", "IS_REACHABLE", "IS_MODULE")
_KNOWN = {"__KERNEL__": True, "MODULE": False, "__ASSEMBLY__": False, "__ASSEMBLER__": False, "CC_USING_FENTRY": None}


def negated(condition: str) -> str:
    """The condition of what follows #else."""
    return f"!({condition})"


def joined(conditions: Sequence[str]) -> str:
    """All of them hold."""
    return " && ".join(f"({condition})" for condition in conditions)


def holds(condition: str, symbols: Collection[str]) -> bool | None:
    """Whether a condition as after #if holds with these symbols set (by their names, with CONFIG_; CONFIG_X_MODULE for
    what is a module); None: unknown."""
    tokens = _TOKEN.findall(condition)
    value, rest = _either(tokens, symbols)
    return None if rest else value


def missing(condition: str, symbols: Collection[str]) -> tuple[str, ...]:
    """What to change so that a condition that does not hold may hold: "CONFIG_NUMA is not set", one symbol each. If no
    single symbol is enough, all that the condition names."""
    named = tuple(dict.fromkeys(_SYMBOL.findall(condition)))
    now = frozenset(symbols)
    enough = [name for name in named if holds(condition, now ^ {name}) is not False]
    return tuple(f"{name} is {'set' if name in now else 'not set'}" for name in enough or named)


def symbols_to_set(condition: str, symbols: Collection[str]) -> tuple[str, ...]:
    """The symbols to set so that a condition that does not hold may hold: no more than it takes, those named first
    before others. None where it may hold already, or where no symbol that is set makes it hold."""
    now = frozenset(symbols)
    unwanted = {*now, *_NEGATED.findall(condition)}
    needed = [name for name in dict.fromkeys(_SYMBOL.findall(condition)) if name not in unwanted]
    if holds(condition, now) is not False or holds(condition, now | {*needed}) is False:
        return ()
    for name in reversed(needed):
        without = [other for other in needed if other != name]
        if holds(condition, now | {*without}) is not False:
            needed = without
    return tuple(needed)


_Parsed = tuple[bool | None, list[str]]  # a value, and the tokens behind it


def _either(tokens: list[str], symbols: Collection[str]) -> _Parsed:
    value, rest = _both(tokens, symbols)
    while rest[:1] == ["||"]:
        other, rest = _both(rest[1:], symbols)
        value = True if value or other else None if value is None or other is None else False
    return value, rest


def _both(tokens: list[str], symbols: Collection[str]) -> _Parsed:
    value, rest = _compared(tokens, symbols)
    while rest[:1] == ["&&"]:
        other, rest = _compared(rest[1:], symbols)
        value = False if value is False or other is False else None if value is None or other is None else True
    return value, rest


def _compared(tokens: list[str], symbols: Collection[str]) -> _Parsed:
    """A comparison, or arithmetic, is unknown: up to the next && or || of this level."""
    value, rest = _one(tokens, symbols)
    if not rest or rest[0] in ("&&", "||", ")"):
        return value, rest
    depth = 0
    for at, token in enumerate(rest):
        if depth == 0 and token in ("&&", "||", ")"):
            return None, rest[at:]
        depth += (token == "(") - (token == ")")
    return None, []


def _one(tokens: list[str], symbols: Collection[str]) -> _Parsed:
    if not tokens:
        return None, []
    first, rest = tokens[0], tokens[1:]
    if first == "!":
        value, rest = _one(rest, symbols)
        return None if value is None else not value, rest
    if first == "(":
        value, rest = _either(rest, symbols)
        return (value, rest[1:]) if rest[:1] == [")"] else (None, [])
    if first in _FUNCTIONS:
        bare = rest[:1] != ["("]
        name = rest[:1] if bare else rest[1:2]
        behind = rest[1:] if bare else rest[3:]
        return _is_set(name[0], first, symbols) if name else None, behind
    if first.isdigit():
        return bool(int(first)), rest
    if first in _KNOWN:
        return _KNOWN[first], rest
    # `#if CONFIG_X`: of a symbol that is not set the preprocessor makes 0; what a set one's value is, is not known here
    return (False if first.startswith("CONFIG_") and first not in symbols else None), _behind_call(rest)


def _is_set(name: str, function: str, symbols: Collection[str]) -> bool | None:
    if not name.startswith("CONFIG_"):
        return _KNOWN.get(name)
    is_module = f"{name}_MODULE" in symbols
    return {"IS_MODULE": is_module, "IS_ENABLED": is_module or name in symbols}.get(function, name in symbols)


def _behind_call(tokens: list[str]) -> list[str]:
    """Behind the arguments of a macro, if there are any."""
    if tokens[:1] != ["("]:
        return tokens
    depth = 0
    for at, token in enumerate(tokens):
        depth += (token == "(") - (token == ")")
        if depth == 0:
            return tokens[at + 1 :]
    return []
