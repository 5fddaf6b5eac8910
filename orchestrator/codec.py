"""Values of `model` as JSON and back, without loss and without guessing.

| Python                       | JSON                                                        |
| ---------------------------- | ----------------------------------------------------------- |
| dataclass                    | object, one key for each field                              |
| Enum, IntEnum                | string: the member's name                                   |
| tuple                        | array                                                       |
| frozenset                    | array, sorted                                               |
| dict, Mapping (str keys)     | object                                                      |
| Path                         | string                                                      |
| bytes                        | string: base64                                              |
| float                        | number; "nan", "inf" and "-inf", which JSON has no number for |
| str, int, bool, None         | themselves                                                  |

Pure. `decode` believes nothing: an unknown or missing key or a value of the wrong type is a ValueError whose message
begins with the place, like `$.suites[0].cases[2].outcome`. A type that cannot be encoded is our own mistake: TypeError.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import types
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, TypeVar, Union, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_NOT_FINITE = ("nan", "inf", "-inf")


def encode(value: object) -> Json:
    """The value as what `json.dumps` takes: dict, list, str, int, float, bool, None."""
    if isinstance(value, Enum):  # before int: an IntEnum is one
        return value.name
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {entry.name: encode(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    if isinstance(value, frozenset):
        return sorted((encode(item) for item in value), key=json.dumps)
    if isinstance(value, Mapping):
        return {_key(key): encode(item) for key, item in value.items()}
    raise TypeError(f"cannot encode a value of type {type(value).__name__}")


def decode(kind: type[T], data: object, where: str = "$") -> T:
    """The value of type `kind` that `encode` made `data` of; `where` names the root in messages.

    A missing key takes the field's default, so that a file written before the field existed still loads.
    """
    return cast(T, _decode(kind, data, where))


def dumps(value: object, *, indent: int | None = 2) -> str:
    """JSON text, pure ASCII: strings from foreign bytes (surrogateescape) survive every file and pipe."""
    return json.dumps(encode(value), indent=indent, allow_nan=False)


def canonical(value: object) -> str:
    """The one compact text for a value: what digests and cache keys are made of."""
    return json.dumps(encode(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def parse(text: str | bytes) -> object:
    """JSON text as plain data. ValueError on anything that is not JSON, on NaN and on an object's repeated key."""
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique)
    except RecursionError as error:
        raise ValueError("not JSON that we wrote: nested too deeply") from error


def loads(kind: type[T], text: str | bytes) -> T:
    """`decode` of JSON text."""
    return decode(kind, parse(text))


# --- decoding, one function per family of types


def _decode(kind: object, data: object, where: str) -> object:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _decode_optional(kind, data, where)
    if origin is tuple:
        return _decode_tuple(get_args(kind), data, where)
    if origin is frozenset:
        (item,) = get_args(kind)
        return frozenset(_decode(item, entry, f"{where}[{at}]") for at, entry in _array(data, where))
    if origin in (dict, Mapping):
        return _decode_mapping(get_args(kind), data, where)
    if is_dataclass(kind) and isinstance(kind, type):
        return _decode_dataclass(kind, data, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _decode_enum(kind, data, where)
    return _decode_scalar(kind, data, where)


def _decode_optional(kind: object, data: object, where: str) -> object:
    members = [member for member in get_args(kind) if member is not types.NoneType]
    if len(members) != 1:
        raise TypeError(f"{where}: {kind} is not supported: only `X | None` says which type a value has")
    return None if data is None else _decode(members[0], data, where)


def _decode_tuple(items: tuple[Any, ...], data: object, where: str) -> tuple[object, ...]:
    entries = list(_array(data, where))
    if len(items) == 2 and items[1] is Ellipsis:
        return tuple(_decode(items[0], entry, f"{where}[{at}]") for at, entry in entries)
    if len(entries) != len(items):
        _refuse(where, f"{len(items)} items", data)
    return tuple(_decode(item, entry, f"{where}[{at}]") for item, (at, entry) in zip(items, entries, strict=True))


def _decode_mapping(items: tuple[Any, ...], data: object, where: str) -> dict[str, object]:
    if not isinstance(data, dict):
        _refuse(where, "an object", data)
    return {key: _decode(items[1], entry, f"{where}.{key}") for key, entry in data.items()}


def _decode_dataclass(kind: type, data: object, where: str) -> object:
    if not isinstance(data, dict):
        _refuse(where, f"an object ({kind.__name__})", data)
    hints = _hints(kind)
    known = {entry.name: entry for entry in fields(cast(Any, kind))}
    for key in data:
        if key not in known:
            raise ValueError(f"{where}.{key}: unknown key of {kind.__name__}; known: {', '.join(known)}")
    values = {}
    for name, entry in known.items():
        if name in data:
            values[name] = _decode(hints[name], data[name], f"{where}.{name}")
        elif entry.default is MISSING and entry.default_factory is MISSING:
            raise ValueError(f"{where}.{name}: missing key of {kind.__name__}")
    return kind(**values)


def _decode_enum(kind: type[Enum], data: object, where: str) -> Enum:
    if not isinstance(data, str) or data not in kind.__members__:
        _refuse(where, f"one of {', '.join(kind.__members__)}", data)
    return kind.__members__[data]


def _decode_scalar(kind: object, data: object, where: str) -> object:
    if kind is float:
        return _decode_float(data, where)
    if kind is bytes:
        return _decode_bytes(data, where)
    if kind is Path:
        return Path(_exactly(str, data, where))
    for exact in (str, int, bool, types.NoneType):
        if kind is exact:
            return _exactly(exact, data, where)
    raise TypeError(f"{where}: values of {kind!r} cannot be decoded")


def _decode_float(data: object, where: str) -> float:
    if isinstance(data, str) and data in _NOT_FINITE:
        return float(data)
    if isinstance(data, bool) or not isinstance(data, (int, float)):
        _refuse(where, "a number", data)
    try:
        value = float(data)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        _refuse(where, "a number that fits 64 bits", data)
    return value


def _decode_bytes(data: object, where: str) -> bytes:
    try:
        return base64.b64decode(_exactly(str, data, where), validate=True)
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise ValueError(f"{where}: expected base64, got {_show(data)}") from error


def _exactly(kind: type[T], data: object, where: str) -> T:
    if type(data) is not kind:  # not isinstance: True is no int here
        _refuse(where, {str: "a string", int: "an integer", bool: "true or false"}.get(kind, "null"), data)
    return data


def _array(data: object, where: str) -> Iterable[tuple[int, object]]:
    if not isinstance(data, (list, tuple)):
        _refuse(where, "an array", data)
    return enumerate(data)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"cannot encode a mapping with a key of type {type(key).__name__}")
    return key


def _refuse(where: str, expected: str, data: object) -> NoReturn:
    raise ValueError(f"{where}: expected {expected}, got {_show(data)}")


def _show(data: object) -> str:
    text = repr(data)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"not JSON: {name}")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data = dict(pairs)
    if len(data) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"an object has the key {next(n for n in names if names.count(n) > 1)!r} twice")
    return data
