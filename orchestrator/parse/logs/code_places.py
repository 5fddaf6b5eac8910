"""Whose code a function is: a subsystem's own, or code that works for others (data/code-places.toml says which).

Where a function is comes from the log, from a vmlinux, or from data/code-functions.txt. What is in no place, and yet
many subsystems ask for, is in data/asked-functions.txt. `make code-functions` makes both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache, lru_cache
from importlib.resources import files

from orchestrator.declarations.schema import from_toml
from orchestrator.errors import BadDeclaration

PLACES, FUNCTIONS, ASKED = "code-places.toml", "code-functions.txt", "asked-functions.txt"
CACHED = 1 << 14  # functions, and files; a log may have any number of names
# Code of these may be built into a module: inline functions, and what a module brings with it
_OF_MODULES = re.compile(r"(?:include|lib|crypto|arch/[^/]+/(?:include|lib|crypto))/")


class Role(Enum):
    """What code is for; data/code-places.toml explains the names."""

    PRINTER = "printer"
    TRAP = "trap"
    LIBRARY = "library"
    SERVICE = "service"
    DISPATCH = "dispatch"
    ENTRY = "entry"
    ASKED = "asked"
    OWN = "own"  # of a subsystem: what stands in no place

    @property
    def is_for_others(self) -> bool:
        """Whether its code is no culprit where a subsystem's own code asked for it."""
        return self in (Role.PRINTER, Role.TRAP, Role.LIBRARY, Role.SERVICE)


@dataclass(frozen=True)
class _Place:
    """One of the file's entries; its keys are explained there."""

    role: Role
    why: str
    paths: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Asked:
    """What makes a function one that others ask for."""

    subsystems: int = 5
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class _File:
    place: tuple[_Place, ...]
    asked: _Asked = field(default_factory=_Asked)


@dataclass(frozen=True)
class _Compiled:
    role: Role
    paths: re.Pattern[str]
    without: re.Pattern[str]
    functions: re.Pattern[str]
    names: re.Pattern[str]

    def has(self, file: str) -> bool:
        return bool(self.paths.fullmatch(file) and not self.without.fullmatch(file))


class CodePlaces:
    """The places, with the table of the functions that are there."""

    def __init__(self, places: str, functions: str, asked: str = "") -> None:
        """From the texts of the three files. Raises BadDeclaration."""
        declared = from_toml(_File, places, PLACES)
        self.asked_by = declared.asked.subsystems
        self._never_asked = _union([_path(path) for path in declared.asked.without])
        self._asked_of = read_functions(asked)
        self._places = tuple(_compiled(place) for place in declared.place)
        named = [(at, place.names.pattern) for at, place in enumerate(self._places)]
        self._names = _union([f"(?P<p{at}>{names})" for at, names in named])  # the first place of those that have it
        self._file_of = read_functions(functions)
        self._role = lru_cache(CACHED)(self._look_up)
        self._of_file = lru_cache(CACHED)(self._look_up_file)

    def role(self, function: str, file: str = "", *, is_module: bool = False) -> Role:
        """Of a function, as the source names it, in a file of the kernel's tree; empty where nobody says which one.
        `is_module`: it is code of a loadable module."""
        return self._role(function, file, is_module)

    def rank(self, function: str, file: str) -> int | None:
        """The number of the place that has a function of a file; None where the code is a subsystem's own."""
        return next((at for at in self._of_file(file) if self._places[at].functions.fullmatch(function)), None)

    def may_be_asked(self, file: str) -> bool:
        """Whether those who use the functions of a file say what they are for."""
        return not self._never_asked.fullmatch(file)

    def _look_up(self, function: str, file: str, is_module: bool) -> Role:
        known = file or self._file_of.get(function) or self._asked_of.get(function, "")
        if is_module and not file and not _OF_MODULES.match(known) and self._asked_of.get(function) != known:
            known = ""
        at = self.rank(function, known) if known else None
        called = self._names.fullmatch(function)
        named = int(called.lastgroup[1:]) if called and called.lastgroup else None
        first = min((found for found in (at, named) if found is not None), default=None)
        if first is not None:
            return self._places[first].role
        return Role.ASKED if self._is_asked(function, file) else Role.OWN

    def _is_asked(self, function: str, file: str) -> bool:
        """Also in a module: no two export the same name. If a log says another directory, it is a namesake."""
        where = self._asked_of.get(function, "")
        return bool(where) and (not file or file.rpartition("/")[0] == where.rpartition("/")[0])

    def _look_up_file(self, file: str) -> tuple[int, ...]:
        """The numbers of the places whose paths have the file."""
        return tuple(at for at, place in enumerate(self._places) if place.has(file))


@cache
def load_places() -> CodePlaces:
    """The files shipped with the package. Raises BadDeclaration."""
    data = files("orchestrator").joinpath("data")
    return CodePlaces(*(data.joinpath(name).read_text() for name in (PLACES, FUNCTIONS, ASKED)))


def read_functions(text: str) -> Mapping[str, str]:
    """Function -> file, of a text with a line for each file: `kernel/panic.c: panic __warn ...`."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            file, _, names = line.partition(": ")
            found |= dict.fromkeys(names.split(), file)
    return found


def write_functions(files_of: Mapping[str, str], head: str) -> str:
    """The text that read_functions reads; `head` says where it comes from."""
    names: dict[str, list[str]] = {}
    for function, file in files_of.items():
        names.setdefault(file, []).append(function)
    lines = [f"{file}: {' '.join(sorted(names[file]))}\n" for file in sorted(names)]
    return "".join([*(f"# {line}\n" for line in head.splitlines()), *lines])


def _compiled(place: _Place) -> _Compiled:
    if place.role is Role.OWN:
        raise BadDeclaration(f"{PLACES}: {place.why}: what stands in no place is a subsystem's own")
    if not place.paths and (place.without or place.functions):
        raise BadDeclaration(f"{PLACES}: {place.why}: `without` and `functions` are about paths, and there are none")
    return _Compiled(
        role=place.role,
        paths=_union([_path(path) for path in place.paths]),
        without=_union([_path(path) for path in place.without]),
        functions=_union(place.functions or [".*"]),
        names=_union(place.names),
    )


def _path(path: str) -> str:
    return re.escape(path).replace(r"\*", "[^/]*") + (".*" if path.endswith("/") else "")


def _union(expressions: Sequence[str]) -> re.Pattern[str]:
    """Any of them; compiled as one, which takes half of the time."""
    try:
        return re.compile("|".join(expressions) or "(?!)")
    except re.error as error:
        raise BadDeclaration(f"{PLACES}: {error}: {error.pattern!r}") from None
