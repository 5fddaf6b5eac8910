"""JSON Schema of report.json and matrix.json, made from the model: what `codec` writes of it, and takes.

As a program it writes the files that are shipped, data/schemas/ (`make schemas`); a test compares them.
"""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields
from enum import Enum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from orchestrator.reporters.json_report import SCHEMAS

DIRECTORY = Path(__file__).parents[1] / "data/schemas"
KINDS = ""  # among the definitions, while they are made: which class has a name

_SIMPLE: Mapping[Any, Mapping[str, Any]] = {
    str: {"type": "string"},
    Path: {"type": "string"},
    bytes: {"type": "string", "contentEncoding": "base64"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    float: {"anyOf": [{"type": "number"}, {"enum": ["nan", "inf", "-inf"]}]},
    types.NoneType: {"type": "null"},
}


def schema(kind: type) -> dict[str, Any]:
    """The JSON Schema of a file that holds a value of one of the kinds in SCHEMAS. As for readers of the file,
    other keys are allowed, and keys with a default are optional."""
    number, definitions = SCHEMAS[kind], dict[str, Any]()
    whole = _record(kind, definitions)
    definitions.pop(KINDS)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **whole,
        "properties": {"schema": {"const": number}, **whole["properties"]},
        "required": ["schema", *whole["required"]],
        "$defs": dict(sorted(definitions.items())),
    }


def text(kind: type) -> str:
    """The schema as the text of its file."""
    return json.dumps(schema(kind), indent=1) + "\n"


def file_of(kind: type) -> Path:
    return DIRECTORY / f"{kind.__name__.removeprefix('Run').lower()}.json"


def _record(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    needed = [entry.name for entry in fields(kind) if entry.default is MISSING and entry.default_factory is MISSING]
    words = inspect.getdoc(kind) or ""
    return {
        "title": kind.__name__,
        # dataclasses that say nothing of themselves get their signature for a docstring
        **({} if words.startswith(f"{kind.__name__}(") else {"description": words}),
        "type": "object",
        "properties": {entry.name: _type(hints[entry.name], definitions) for entry in fields(kind)},
        "required": needed,
    }


def _type(kind: Any, definitions: dict[str, Any]) -> Mapping[str, Any]:
    inner, origin = get_args(kind), get_origin(kind)
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    if origin in (Union, types.UnionType):
        return {"anyOf": [_type(one, definitions) for one in inner]}
    if origin is frozenset or (origin is tuple and inner[-1] is Ellipsis):
        return {"type": "array", "items": _type(inner[0], definitions)}
    if origin is tuple:
        each = [_type(one, definitions) for one in inner]
        return {"type": "array", "prefixItems": each, "minItems": len(each), "maxItems": len(each)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _type(inner[1], definitions)}
    name = kind.__name__
    kinds = definitions.setdefault(KINDS, {})
    if kinds.setdefault(name, kind) is not kind:
        raise TypeError(f"{kinds[name]} and {kind} have one name: rename one of them")
    if name not in definitions:
        definitions[name] = {}  # a kind may hold others of its kind
        if issubclass(kind, Enum):
            definitions[name] = {"description": inspect.getdoc(kind), "enum": list(kind.__members__)}
        else:
            definitions[name] = _record(kind, definitions)
    return {"$ref": f"#/$defs/{name}"}


if __name__ == "__main__":
    DIRECTORY.mkdir(exist_ok=True)
    for each in SCHEMAS:
        file_of(each).write_text(text(each))
