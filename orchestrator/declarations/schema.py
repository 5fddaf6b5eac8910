"""What people declare -> frozen dataclasses, whose fields are the keys that a file may have. The one such layer.

| A field's type     | What is written                                                              |
| ------------------ | ---------------------------------------------------------------------------- |
| str                | text; in YAML as it stands there: `on`, `010` and `6.10` are what they look like |
| int, float         | a number that is not negative, without quotes                                |
| bool               | true or false                                                                |
| Enum, Literal      | one of the names, in lower case and with hyphens                             |
| date               | YYYY-MM-DD                                                                   |
| re.Pattern[str]    | a regular expression                                                         |
| tuple, frozenset   | a list                                                                       |
| Mapping, dataclass | a mapping (YAML), a table (TOML)                                             |

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
from datetime import date
from enum import Enum, IntEnum
from typing import Any, Literal, TypeVar, get_args, get_origin

from orchestrator.codec import INVALID, MISSING, Problem, converter, exactly, problems, refuse, spelled
from orchestrator.errors import BadDeclaration

T = TypeVar("T")
N = TypeVar("N", int, float)

_INTEGER = re.compile(r"-?\d+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")


class Plain(str):
    """A scalar that stands in YAML without quotes. The type of its field says what it is."""

    __slots__ = ()


def from_toml(kind: type[T], text: str, source: str, **given: str) -> T:
    """`build` of TOML text."""
    try:
        return build(kind, tomllib.loads(text), source, **given)
    except tomllib.TOMLDecodeError as error:
        raise BadDeclaration(f"{source}: not TOML: {error}") from None


def build(kind: type[T], data: object, source: str, **given: str) -> T:
    """The value of type `kind` that the data describes; `source` names their file, `given` are fields that are no keys
    of it. Raises BadDeclaration."""
    if given and isinstance(data, dict):
        found = [Problem((), "", (name,), kind) for name in given if name in data]
        data = {**data, **given}
    else:
        found = []
    if not found:
        try:
            return _CONVERTER.structure(data, kind)
        except INVALID as error:
            found = list(problems(error))
    hints = [_hint(key, problem.kind, given) for problem in found for key in problem.unknown]
    raise BadDeclaration(f"{source}: {'; '.join(map(_words, found))}", hint="; ".join(hints))


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


def _int(data: object, _: Any) -> int:
    is_written = isinstance(data, Plain) and _INTEGER.fullmatch(data)
    return _not_negative(int(str(data)) if is_written else exactly(data, int), data)


def _float(data: object, _: Any) -> float:
    if isinstance(data, Plain) and _NUMBER.fullmatch(data):
        return _not_negative(float(data), data)
    if isinstance(data, bool) or not isinstance(data, int | float) or not math.isfinite(data):
        refuse("a number", data)
    return float(_not_negative(data, data))


def _not_negative(number: N, data: object) -> N:
    if number < 0:
        refuse("a number that is not negative", data)
    return number


def _bool(data: object, _: Any) -> bool:
    return data == "true" if isinstance(data, Plain) and data in ("true", "false") else exactly(data, bool)


def _choice(data: object, kind: Any) -> Any:
    members = {getattr(one, "name", one).lower().replace("_", "-"): one for one in get_args(kind) or kind}
    if not isinstance(data, str) or data not in members:
        refuse(f"one of {', '.join(members)}", data)
    return members[data]


def _date(data: object, _: Any) -> date:
    try:
        return data if type(data) is date else date.fromisoformat(_str(data, str))
    except ValueError:
        refuse("a day like 2026-06-30", data)


def _pattern(data: object, _: Any) -> re.Pattern[str]:
    expression = _str(data, str)
    if not expression:
        refuse("a regular expression", data)
    try:
        return re.compile(expression)
    except re.error as error:
        raise ValueError(f"{expression!r}: {error}") from None


def _of(origin: Any) -> Callable[[Any], bool]:
    return lambda kind: get_origin(kind) is origin


_CONVERTER = converter(forbid_extra_keys=True)
_HOOKS: Mapping[type, Callable[[object, Any], object]] = {
    str: _str, int: _int, float: _float, bool: _bool, date: _date, Enum: _choice, IntEnum: _choice,
}  # fmt: skip
for _kind, _read in _HOOKS.items():
    _CONVERTER.register_structure_hook(_kind, _read)
_CONVERTER.register_structure_hook_func(_of(Literal), _choice)
_CONVERTER.register_structure_hook_func(_of(re.Pattern), _pattern)
