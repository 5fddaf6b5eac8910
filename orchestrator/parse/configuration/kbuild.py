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
    for symbol, line in _unmet(file, makefiles, symbols):
        return f"{symbol} is not set: {line}"
    own = next(_targets(file, makefiles), [])
    return own[0][1] if own else "no Makefile of its directory names it"


def symbols_for(file: str, makefiles: Mapping[str, str], symbols: Collection[str]) -> tuple[str, ...]:
    """The symbols to set so that a source file is compiled; of several that would each do, the first."""
    return tuple(dict.fromkeys(symbol for symbol, _ in _unmet(file, makefiles, symbols)))


def _unmet(file: str, makefiles: Mapping[str, str], symbols: Collection[str]) -> Iterator[tuple[str, str]]:
    """For each target on the way to a file that no line makes with these symbols: the first symbol that would, and its
    line."""
    for lines in _targets(file, makefiles):
        if lines and not any(symbol == "" or symbol in symbols for symbol, _ in lines):
            yield lines[0]


def _targets(file: str, makefiles: Mapping[str, str]) -> Iterator[list[tuple[str, str]]]:
    """The lines that name a file's object, then those that name the object which it is a part of, and then those of
    each directory that it lies in. Of a line its symbol ("" for none) and `mm/Makefile: obj-$(CONFIG_X) += y.o`."""
    directory, name = posixpath.split(file)
    yield from _objects(directory, f"{posixpath.splitext(name)[0]}.o", makefiles)
    while directory:
        directory, name = posixpath.split(directory)
        yield from _objects(directory, f"{name}/", makefiles)


def _objects(directory: str, target: str, makefiles: Mapping[str, str]) -> Iterator[list[tuple[str, str]]]:
    path = next((path for path in _names(directory) if path in makefiles), None)
    if path is None:
        return
    lines = re.sub(r"\\\n\s*", " ", makefiles[path]).splitlines()
    lists = [match for match in map(_LIST.match, lines) if match]
    wanted, done = [target], set()
    while wanted:
        name = wanted.pop(0)
        done.add(name)
        naming = [match for match in lists if name in match["names"].split("#")[0].split()]
        yield [(match["symbol"] or "", f"{path}: {' '.join(match[0].split())[:160]}") for match in naming]
        wholes = (f"{match['what']}.o" for match in naming if match["what"] not in _TOP)
        wanted += [whole for whole in wholes if whole not in done]


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
