"""Kbuild's Makefiles: which lines would compile a file, and which of their symbols are not set. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping

_LIST = re.compile(
    r"^\s*(?P<what>[\w.-]+?)-(?:(?P<how>y|m|objs)|\$\((?P<symbol>CONFIG_\w+)\))\s*[:+]?=\s*(?P<names>.*)$"
)
_TOP = ("obj", "core", "libs", "lib", "head", "drivers", "net")


def why_not_built(file: str, makefiles: Mapping[str, str], symbols: Collection[str]) -> str:
    """Why a source file is not compiled, as far as its Makefiles say it. `makefiles`: texts by their names, of the
    file's directory and of those above it."""
    directory, name = posixpath.split(file)
    target = f"{posixpath.splitext(name)[0]}.o"
    own = list(_lists(directory, target, makefiles))
    found = list(own)
    while directory:
        parent, name = posixpath.split(directory)
        found += _lists(parent, f"{name}/", makefiles)
        directory = parent
    unset = dict.fromkeys(symbol for symbol, _ in found if symbol and symbol not in symbols)
    if unset:
        symbol = next(iter(unset))
        return f"{symbol} is not set: {next(line for its, line in found if its == symbol)}"
    return own[0][1] if own else "no Makefile of its directory names it"


def _lists(directory: str, target: str, makefiles: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The lines that name a target, and those that name the object which it is a part of: symbol ("" for none) and
    `mm/Makefile: obj-$(CONFIG_X) += y.o`."""
    path = next((path for path in _names(directory) if path in makefiles), None)
    if path is None:
        return
    lines = re.sub(r"\\\n\s*", " ", makefiles[path]).splitlines()
    lists = [match for match in map(_LIST.match, lines) if match]
    wanted, done = [target], set()
    while wanted:
        name = wanted.pop(0)
        done.add(name)
        for match in lists:
            if name in match["names"].split("#")[0].split():
                yield match["symbol"] or "", f"{path}: {' '.join(match[0].split())[:160]}"
                whole = f"{match['what']}.o"
                if match["what"] not in _TOP and whole not in done:
                    wanted.append(whole)


def _names(directory: str) -> tuple[str, str]:
    return posixpath.join(directory, "Kbuild"), posixpath.join(directory, "Makefile")


def makefile_names(file: str) -> tuple[str, ...]:
    """The Makefiles that may decide about a file."""
    found: list[str] = []
    directory = posixpath.dirname(file)
    while True:
        found += _names(directory)
        if not directory:
            return tuple(found)
        directory = posixpath.dirname(directory)
