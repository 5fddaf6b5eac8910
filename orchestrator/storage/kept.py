"""Values that outlive the version of the tool that wrote them: JSON with a schema number.

    {"schema": 3, KEY: VALUE, ...}

Whoever reads one decides what an unreadable one means; for everything in the cache it means that it is made anew. A
writer raises its number when a key's meaning changes; a key that is missing or of another type is noticed anyway, and
one that a newer version added is passed over.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from orchestrator.codec import decode, encode, parse

T = TypeVar("T")

SCHEMA = "schema"


def dumps(value: object, schema: int) -> bytes:
    """A dataclass as a file's content."""
    data = encode(value)
    if not isinstance(data, dict):
        raise TypeError(f"only dataclasses are kept, not a {type(value).__name__}")
    return json.dumps({SCHEMA: schema, **data}, indent=1).encode() + b"\n"


def load(kind: type[T], path: Path, schema: int) -> T:
    """The value in a file. Raises ValueError, beginning with the path, if the file does not exist, is not JSON, or was
    written by another version."""
    try:
        data = parse(path.read_bytes())
        found = data.pop(SCHEMA, None) if isinstance(data, dict) else None
        if found != schema or isinstance(found, bool):
            raise ValueError(f"schema {found!r}, expected {schema}: another version of orchestrate wrote it")
        return decode(kind, data)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
