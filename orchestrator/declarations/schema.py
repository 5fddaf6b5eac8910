"""What people declare -> frozen dataclasses, whose fields are the keys that a file may have. The one such layer.

| A field's type     | What is written                                                              |
| ------------------ | ---------------------------------------------------------------------------- |
| str                | text; in YAML as it stands there: `on`, `010` and `6.10` are what they look like |
| int, float         | a number that is not negative, without quotes                                |
| bool               | true or false                                                                |
| Enum, Literal      | one of the names, in lower case and with hyphens                             |
| re.Pattern[str]    | a regular expression                                                         |
| tuple, frozenset   | a list                                                                       |
| dataclass, Mapping | a mapping (YAML), a table (TOML)                                             |
| tuple of pairs     | the same, in its order                                                       |

Pure. A key is required where the field has no default. What is wrong is a BadDeclaration that names the file and each
key; for a key that is unknown it knows the others.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import Enum, IntEnum
from itertools import islice
from types import GenericAlias
from typing import Any, Literal, TypeVar, get_args, get_origin

from orchestrator.codec import INVALID, MISSING, Place, Problem, converter, exactly, problems, refuse, spelled
from orchestrator.errors import BadDeclaration
from orchestrator.parse import expressions
from orchestrator.parse.toml_lines import key_lines

T = TypeVar("T")
N = TypeVar("N", int, float)

MAX_DOTS, MAX_TABLES = 200, 1000  # of TOML: tomllib's time is quadratic in both
MAX_NUMBER = 10**9  # seconds, MiB, lines: what is more is a slip, and overflows where it is used
MAX_PROBLEMS = 20  # that are listed

_NO_LINES: Mapping[Place, int] = {}
_NUMBERS: Mapping[type, re.Pattern[str]] = {
    int: re.compile(r"-?[0-9]+"),
    float: re.compile(r"-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]{1,3})?"),
}


class Plain(str):
    """A scalar that stands in YAML without quotes. The type of its field says what it is."""

    __slots__ = ()


def from_toml(kind: type[T], text: str, source: str, **given: str) -> T:
    """`declared` of TOML text. What is wrong is named with its line. Raises BadDeclaration."""
    if line := next((at for at, line in enumerate(text.split("\n"), 1) if _is_crowded(line)), 0):
        raise BadDeclaration(f"{source}:{line}: not TOML that somebody wrote: a name of more than {MAX_DOTS} parts")
    if text.count("\n[") > MAX_TABLES:
        raise BadDeclaration(f"{source}: more than {MAX_TABLES} tables")
    try:
        data = tomllib.loads(text)
    except RecursionError:
        raise BadDeclaration(f"{source}: not TOML: nested too deeply") from None
    except ValueError as error:  # not only TOMLDecodeError: Python reads no number of 5000 digits
        raise BadDeclaration(f"{source}: not TOML: {error}") from None
    return _declared(kind, data, source, given, key_lines(text))


def _is_crowded(line: str) -> bool:
    """Whether the name that a line begins with has so many parts that tomllib, which is quadratic in them, would be
    slow."""
    name = line if line.lstrip().startswith("[") else line.partition("=")[0]
    return name.count(".") > MAX_DOTS


def declared(kind: type[T], data: object, source: str, lines: Mapping[Place, int] = _NO_LINES, **given: str) -> T:
    """The value of type `kind` that the data describes; `source` names their file, `lines` where in it they are,
    `given` are fields that are no keys of it. Raises BadDeclaration."""
    return _declared(kind, data, source, given, lines)


def _declared(kind: type[T], data: object, source: str, given: Mapping[str, str], lines: Mapping[Place, int]) -> T:
    keys = data if isinstance(data, dict) else {}
    found = [Problem((), "", (key,), kind) for key in given if key in keys]
    try:
        if not found:
            return _CONVERTER.structure({**keys, **given} if given else data, kind)
    except INVALID as error:
        found = list(islice(problems(error), MAX_PROBLEMS))
    except RecursionError:
        raise BadDeclaration(f"{source}: nested too deeply") from None
    hints = [_hint(key, problem.kind, given) for problem in found for key in problem.unknown]
    told = sorted(((_words(problem), _line(problem, lines)) for problem in found), key=lambda one: one[1])
    if len(told) == 1 and told[0][1]:
        source, told = f"{source}:{told[0][1]}", [(told[0][0], 0)]
    words = "; ".join(f"line {line}: {said}" if line else said for said, line in told)
    raise BadDeclaration(f"{source}: {words}", hint="; ".join(dict.fromkeys(hints)))


def _line(problem: Problem, lines: Mapping[Place, int]) -> int:
    """Where it is, or what it is in; 0 where that is not known."""
    place = (*problem.place, *problem.unknown[:1])
    return line_of(place, lines)


def line_of(place: Place, lines: Mapping[Place, int]) -> int:
    """The line of a place, or of what it is in; 0 where that is not known."""
    return next((lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in lines), 0)


def _words(problem: Problem) -> str:
    """`needs.ram: expected ...`; in a file that is a list, `entry 1: title: expected ...`."""
    entry, place = "", problem.place
    if place and isinstance(place[0], int):
        entry, place = f"entry {place[0] + 1}: ", place[1:]
    if problem.unknown:
        return "unknown key " + ", ".join(
            f"{entry}{spelled((*place, key)).removeprefix('.')}" for key in problem.unknown
        )
    where = spelled(place).removeprefix(".")
    if problem.what == MISSING:
        return f"{entry}{where} is missing"
    return f"{entry}{where}: {problem.what}" if where else f"{entry}{problem.what}"


def _hint(key: str, kind: Any, given: Mapping[str, str]) -> str:
    names = [entry.name for entry in fields(kind) if entry.name not in given]
    near = difflib.get_close_matches(key, names, n=1)
    return f"{f'did you mean {near[0]}? ' if near else ''}known keys: {', '.join(names)}"


# --- what is written for a value


def _str(data: object, _: Any) -> str:
    return str(data) if isinstance(data, Plain) else exactly(data, str)


def _number(data: Any, kind: type[N]) -> N:
    if isinstance(data, Plain) and len(data) <= 40 and _NUMBERS[kind].fullmatch(data):
        number = kind(str(data))
    elif type(data) in (int, kind):  # True is no number
        number = kind(data)
    else:
        refuse("an integer" if kind is int else "a number", data)
    if not 0 <= number < math.inf:
        refuse("a finite number that is not negative", data)
    if number > MAX_NUMBER:
        refuse(f"a number up to {MAX_NUMBER:,}", data)
    return number


def _bool(data: object, _: Any) -> bool:
    return data == "true" if isinstance(data, Plain) and data in ("true", "false") else exactly(data, bool)


def _choice(data: object, kind: Any) -> Any:
    members = {getattr(one, "name", one).lower().replace("_", "-"): one for one in get_args(kind) or kind}
    if not isinstance(data, str) or data not in members:
        refuse(f"one of {', '.join(members)}", data)
    return members[data]


def _pattern(data: object, _: Any) -> re.Pattern[str]:
    expression = _str(data, str)
    if not expression:
        refuse("a regular expression", data)
    if problem := expressions.problem(expression):
        raise ValueError(f"{expression!r}: {problem}")
    return re.compile(expression)


def _is_pairs(kind: Any) -> bool:
    return get_origin(kind) is tuple and get_args(kind)[-1] is Ellipsis and len(get_args(get_args(kind)[0])) == 2


def _pairs_hook(kind: Any) -> Callable[..., Any]:
    mapping: Any = GenericAlias(dict, get_args(get_args(kind)[0]))
    return lambda data, _: tuple(_CONVERTER.structure(data, mapping).items())


def _of(origin: Any) -> Callable[[Any], bool]:
    return lambda kind: get_origin(kind) is origin


_CONVERTER = converter(forbid_extra_keys=True)
_HOOKS: Mapping[type, Callable[[object, Any], object]] = {
    str: _str, int: _number, float: _number, bool: _bool, Enum: _choice, IntEnum: _choice,
}  # fmt: skip
for _kind, _read in _HOOKS.items():
    _CONVERTER.register_structure_hook(_kind, _read)
_CONVERTER.register_structure_hook_factory(_is_pairs, _pairs_hook)
_CONVERTER.register_structure_hook_func(_of(Literal), _choice)
_CONVERTER.register_structure_hook_func(_of(re.Pattern), _pattern)
