"""Declaration files, read: TOML, and YAML without its traps.

Of YAML it takes mappings, lists and text. What a scalar without quotes is, a number or text, the type of its field
says and not how it looks: `on`, `no`, `010`, `1e3` and `6.10` stay what is written there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from orchestrator.declarations import schema, yaml_text
from orchestrator.errors import BadDeclaration, UsageError
from orchestrator.host import bounded

T = TypeVar("T")


def read_text(path: Path) -> str:
    """Raises UsageError, BadDeclaration."""
    try:
        data = bounded.read_bytes(path, bounded.DECLARATION)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadDeclaration(f"{path}:{line}: not UTF-8: {error.reason} at byte {error.start}") from error


def read_toml(kind: type[T], path: Path, **given: str) -> T:
    """Raises UsageError, BadDeclaration."""
    return schema.from_toml(kind, read_text(path), str(path), **given)


def read_yaml(kind: type[T], path: Path, empty: T | None = None) -> T:
    """`empty` is what a file means that says nothing; else that is an error. Raises UsageError, BadDeclaration."""
    found = read_yaml_text(path)
    if found.data is None:
        if empty is None:
            raise BadDeclaration(f"{path}: says nothing")
        return empty
    return schema.declared(kind, found.data, str(path), found.lines)


def read_yaml_text(path: Path) -> yaml_text.Text:
    """What a file says, and where, for those who look at it more closely. Raises UsageError, BadDeclaration."""
    try:
        return yaml_text.read(read_text(path))
    except yaml_text.NotYaml as error:
        where = f"{path}:{error.line}" if error.line else str(path)
        raise BadDeclaration(f"{where}: not YAML: {error.what}", hint=error.hint) from error
