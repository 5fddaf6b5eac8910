"""Values of `model` as JSON and back. cattrs does it; here is what a type becomes, and what is refused.

| Python                       | JSON                                                        |
| ---------------------------- | ----------------------------------------------------------- |
| dataclass                    | object, one key for each field                              |
| Enum, IntEnum                | string: the member's name                                   |
| tuple                        | array                                                       |
| frozenset                    | array, sorted                                               |
| Mapping with string keys     | object                                                      |
| str, Path                    | string; a byte that was no UTF-8 is the text `\\x80`         |
| bytes                        | string: base64                                              |
| float                        | number; "nan", "inf" and "-inf", which JSON has no number for |
| int, bool, None              | themselves                                                  |

Pure. Nothing is lost but bytes in strings that were no UTF-8: Python keeps them as lone surrogates, which are no text,
and a strict reader of JSON refuses the whole file for one of them.

`decode` believes nothing: a missing key or a value of the wrong type is a ValueError whose message begins with the
place, like `$.suites[0].cases[2].outcome`. A key that it does not know is passed over: a newer version wrote it. A
type that cannot be encoded is our own mistake: TypeError.
"""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, is_dataclass
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any, NoReturn, TypeAlias, TypeVar, get_args, get_origin

from cattrs import (
    BaseValidationError,
    ClassValidationError,
    Converter,
    ForbiddenExtraKeysError,
    IterableValidationError,
)
from cattrs.cols import (
    homogenous_tuple_structure_factory,
    is_frozenset,
    is_mapping,
    list_structure_factory,
    mapping_structure_factory,
)
from cattrs.errors import IterableValidationNote, StructureHandlerNotFoundError
from cattrs.fns import identity
from cattrs.gen import make_dict_structure_fn, make_hetero_tuple_structure_fn

T = TypeVar("T")

MISSING = "missing key"
INVALID = (BaseValidationError, ValueError)  # what a converter raises when the data is wrong
Place: TypeAlias = tuple[str | int, ...]
Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_SPELLED_OUT = {
    code: f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}" for code in range(0xD800, 0xE000)
}
_WORDS = {str: "a string", int: "an integer", bool: "true or false", dict: "a mapping", list: "a list"}


def encode(value: object) -> Json:
    """The value as what `json.dumps` takes: dict, list, str, int, float, bool, None."""
    data: Json = _CONVERTER.unstructure(value)
    return data


def decode(kind: type[T], data: object) -> T:
    """The value of type `kind` that `encode` made `data` of.

    A missing key takes the field's default, so that a file written before the field existed still loads.
    """
    try:
        return _CONVERTER.structure(data, kind)
    except StructureHandlerNotFoundError as error:
        raise TypeError(f"values of {error.type_} cannot be decoded: {error}") from error
    except INVALID as error:
        first, *others = problems(error)
        more = f" (and {len(others)} more)" if others else ""
        raise ValueError(f"${spelled(first.place)}: {first.what}{more}") from error


def dumps(value: object, *, indent: int | None = 2) -> str:
    """JSON text, pure ASCII."""
    return json.dumps(encode(value), indent=indent, allow_nan=False)


def loads(kind: type[T], text: str | bytes) -> T:
    """`decode` of JSON text."""
    return decode(kind, parse(text))


def parse(text: str | bytes) -> object:
    """JSON text as plain data. ValueError on anything that is not JSON, on NaN and on an object's repeated key."""
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique)
    except RecursionError as error:
        raise ValueError("not JSON that we wrote: nested too deeply") from error


@dataclass(frozen=True)
class Problem:
    """What is wrong with data that was to become a value, and where: keys and indices, outermost first."""

    place: Place
    what: str
    unknown: tuple[str, ...] = ()  # keys of an object of type `kind` that has no such fields
    kind: type | None = None


def spelled(place: Place) -> str:
    """`.suites[0].outcome`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)


def problems(error: Exception, place: Place = ()) -> Iterator[Problem]:
    """What one of INVALID says, in the order of the data."""
    if isinstance(error, ForbiddenExtraKeysError):
        unknown = tuple(sorted(map(str, error.extra_fields)))
        yield Problem(place, f"unknown keys: {', '.join(unknown)}", unknown, error.cl)
    elif isinstance(error, ClassValidationError | IterableValidationError):
        inside, whole = error.group_exceptions()
        for one, note in inside:
            step = note.index if isinstance(note, IterableValidationNote) else note.name
            yield from problems(one, (*place, step))
        for one in whole:
            yield from problems(one, place)
    else:
        yield Problem(place, MISSING if isinstance(error, KeyError) else str(error))


def converter(*, forbid_extra_keys: bool) -> Converter:
    """A converter that checks types. cattrs by itself would make 3 of "3" and a tuple of "abc"."""
    made = Converter(
        forbid_extra_keys=forbid_extra_keys,
        unstruct_collection_overrides={
            tuple: list,
            list: list,
            frozenset: lambda items: sorted(items, key=json.dumps),
        },
        unstructure_fallback_factory=_no_json,
    )
    made.register_unstructure_hook(str, _text)
    made.register_unstructure_hook(float, lambda value: value if math.isfinite(value) else str(value))
    made.register_unstructure_hook(Path, lambda path: _text(str(path)))
    made.register_unstructure_hook(bytes, lambda value: base64.b64encode(value).decode("ascii"))
    for same in (int, bool, type(None)):
        made.register_unstructure_hook(same, identity)
    made.register_unstructure_hook_func(
        is_mapping, lambda items: {_key(key): made.unstructure(item) for key, item in items.items()}
    )
    for kind in (str, int, bool):
        made.register_structure_hook(kind, exactly)
    made.register_structure_hook(float, _float)
    made.register_structure_hook(Path, lambda data, _: Path(exactly(data, str)))
    made.register_structure_hook(bytes, _bytes)
    for enum in (Enum, IntEnum):  # the latter is an int too, whose hook would be found first
        made.register_unstructure_hook(enum, lambda member: member.name)
        made.register_structure_hook(enum, _enum)
    made.register_structure_hook_factory(is_dataclass, _only(dict, make_dict_structure_fn))
    made.register_structure_hook_factory(is_mapping, _only(dict, mapping_structure_factory))
    made.register_structure_hook_factory(_is_tuple, _only(list, _tuple_hook))
    made.register_structure_hook_factory(is_frozenset, _only(list, _frozenset_hook))
    return made


def refuse(expected: str, data: object) -> NoReturn:
    """Raises ValueError: that is not what was expected."""
    try:
        text = "nothing" if data is None else repr(data[:100] if isinstance(data, str) else data)
    except (RecursionError, ValueError):  # nested too deeply, or a number of more digits than Python writes
        text = type(data).__name__
    raise ValueError(f"expected {expected}, got {text if len(text) <= 60 else f'{text[:57]}...'}")


def exactly(data: object, kind: type[T]) -> T:
    """The data, which must be of that type; True is no int. Raises ValueError."""
    if type(data) is not kind:
        refuse(_WORDS[kind], data)
    return data


# --- what cattrs is told


def _only(shape: type, factory: Callable[[Any, Converter], Callable[..., Any]]) -> Callable[..., Any]:
    """A factory of hooks that look at the data's type first. Those of cattrs take what can be iterated over."""

    def make(kind: Any, made: Converter) -> Callable[..., Any]:
        read = factory(kind, made)
        return lambda data, _: read(exactly(data, shape), kind)

    return make


def _tuple_hook(kind: Any, made: Converter) -> Callable[..., Any]:
    is_open = get_args(kind)[-1] is Ellipsis
    return (homogenous_tuple_structure_factory if is_open else make_hetero_tuple_structure_fn)(kind, made)


def _frozenset_hook(kind: Any, made: Converter) -> Callable[..., Any]:
    read = list_structure_factory(kind, made)
    return lambda data, _: frozenset(read(data, kind))


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _enum(data: object, kind: type[Enum]) -> Enum:
    if not isinstance(data, str) or data not in kind.__members__:
        refuse(f"one of {', '.join(kind.__members__)}", data)
    return kind[data]


def _float(data: object, _: type) -> float:
    if data in ("nan", "inf", "-inf"):
        return float(str(data))
    if isinstance(data, bool) or not isinstance(data, int | float):
        refuse("a number", data)
    with suppress(OverflowError):
        if math.isfinite(number := float(data)):
            return number
    refuse("a number that fits 64 bits", data)


def _bytes(data: object, _: type) -> bytes:
    try:
        return base64.b64decode(exactly(data, str), validate=True)
    except ValueError:
        refuse("base64", data)


def _text(value: str) -> str:
    return value if value.isascii() else value.translate(_SPELLED_OUT)


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"cannot encode a mapping with a key of type {type(key).__name__}")
    return _text(key)


def _no_json(kind: type) -> NoReturn:
    raise TypeError(f"cannot encode a value of type {kind.__name__}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"not JSON: {name}")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data = dict(pairs)
    if len(data) != len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"an object has the key {twice[:100]!r} twice")
    return data


_CONVERTER = converter(forbid_extra_keys=False)
