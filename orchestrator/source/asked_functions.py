"""Which functions of kernel sources serve other subsystems, judged by their users -> data/asked-functions.txt.

A function that several subsystems outside of its own directory use is asked for by whoever calls it: a list of places
that is written by hand has the machinery that somebody thought of, this has the rest. `make code-functions` makes it
together with code-functions.txt.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from orchestrator.parse.code.c_functions import functions, without_comments
from orchestrator.parse.logs.code_places import ASKED, PLACES, CodePlaces, write_functions
from orchestrator.source.code_functions import DATA, sources, version

_WORD = re.compile(r"[A-Za-z_]\w+")
_EXPORTED = re.compile(r"EXPORT_SYMBOL\w*\(\s*(\w+)")
# What does the work of a function that others call, in the same file
_OUTER = re.compile(
    r"(?:_+|_*do_+)?(?P<name>\w+?)(?:_(?:locked|unlocked|nolock|internal|inner|common|impl|one|raw|slow|slowpath|fast|wbc|noprof))?"
)
# Directories below these are subsystems of their own, so many names deep
_DEPTH = {"drivers": 4, "fs": 3, "net": 3, "security": 3, "sound": 3}
_NEAREST = 2  # elsewhere: kernel/bpf, arch/x86


@dataclass
class _Found:
    """Of one tree."""

    file_of: dict[str, str] = field(default_factory=dict)  # what others can call
    inner_of: dict[str, str] = field(default_factory=dict)  # what else the same files have for themselves -> its file
    users: dict[str, set[str]] = field(default_factory=dict)  # function -> subsystems
    files_with: dict[str, set[str]] = field(default_factory=dict)  # name -> sources that define it
    not_inline: set[str] = field(default_factory=set)  # a header has but what stands for it where it is not configured


def subsystem(path: str) -> str:
    """That a source file belongs to; a header's functions are used where the header is included, so none."""
    first, *rest = path.split("/")[:-1] or [""]
    if first == "include":
        return ""
    return "/".join([first, *rest][: _DEPTH.get(first, _NEAREST)])


def asked(trees: Iterable[Path], places: CodePlaces) -> dict[str, str]:
    """Function -> file, for those that so many subsystems use in one of the trees; the last one says where."""
    found: dict[str, str] = {}
    for tree in trees:
        found |= _asked_of(_read(tree), places)
    return found


def _asked_of(found: _Found, places: CodePlaces) -> dict[str, str]:
    enough = places.asked_by
    outer = {
        name: file
        for name, file in found.file_of.items()
        if not (file.startswith("include/") and name in found.not_inline)
        and places.may_be_asked(file)
        and len(found.users[name] - {subsystem(file)}) >= enough
    }
    inner = {
        name: file
        for name, file in found.inner_of.items()
        if found.files_with[name] == {file} and _is_inner(name, file, outer) and places.may_be_asked(file)
    }
    return outer | inner


def _is_inner(name: str, file: str, outer: dict[str, str]) -> bool:
    match = _OUTER.fullmatch(name)
    return match is not None and match["name"] != name and outer.get(match["name"]) == file


def _read(tree: Path) -> _Found:
    """All sources, twice: what can be used, and who uses it."""
    found = _Found()
    paths = [path for path in sources(tree) if not path.endswith(".S")]
    for path in paths:
        text = _text(tree, path)
        is_shared = path.startswith("include/")
        exported = set(_EXPORTED.findall(text))
        for definition in functions(text):
            name = definition.function
            if is_shared:
                found.file_of.setdefault(name, path)
                continue
            if path.endswith(".c"):
                found.files_with.setdefault(name, set()).add(path)
                if not definition.is_static:
                    found.not_inline.add(name)
            if name in exported:
                found.file_of[name] = path
            elif exported and definition.is_static and path.endswith(".c"):
                found.inner_of[name] = path
    for path in paths:
        if by := subsystem(path):
            for name in found.file_of.keys() & _WORD.findall(without_comments(_text(tree, path))):
                found.users.setdefault(name, set()).add(by)
    for name in found.file_of.keys() - found.users.keys():
        found.users[name] = set()
    return found


def _text(tree: Path, path: str) -> str:
    return (tree / path).read_text(encoding="utf-8", errors="replace")


def main(arguments: Sequence[str]) -> None:
    places = CodePlaces(files("orchestrator").joinpath("data", PLACES).read_text(), "")
    found = asked([Path(argument) for argument in arguments], places)
    of = ", ".join(map(version, arguments))
    head = f"What {places.asked_by} subsystems and more use, in Linux {of}. Made by `make code-functions`."
    (DATA / ASKED).write_text(write_functions(found, head))


if __name__ == "__main__":
    main(sys.argv[1:])
