"""Declaration files, read: TOML, and YAML without its traps.

Of YAML it takes mappings, lists and text. What a scalar without quotes is, a number or text, the type of its field
says and not how it looks: `on`, `no`, `010`, `1e3` and `6.10` stay what is written there.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar

import yaml

from orchestrator.declarations import schema
from orchestrator.declarations.schema import Plain
from orchestrator.errors import BadDeclaration, UsageError

T = TypeVar("T")


def read_text(path: Path) -> str:
    """Raises UsageError, BadDeclaration."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadDeclaration(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from error


def read_toml(kind: type[T], path: Path, **given: str) -> T:
    """Raises UsageError, BadDeclaration."""
    return schema.from_toml(kind, read_text(path), str(path), **given)


def read_yaml(kind: type[T], path: Path, empty: T | None = None) -> T:
    """`empty` is what a file means that says nothing; else that is an error. Raises UsageError, BadDeclaration."""
    try:
        data = yaml.load(read_text(path), _Loader)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", error)
        hint = "YAML is indented with spaces" if "'\\t'" in str(problem) else ""
        raise BadDeclaration(f"{path}{f':{mark.line + 1}' if mark else ''}: not YAML: {problem}", hint=hint) from error
    if data is None:
        if empty is None:
            raise BadDeclaration(f"{path}: says nothing")
        return empty
    return schema.declared(kind, data, str(path))


class _Loader(yaml.BaseLoader):
    """Scalars without quotes as Plain, or None where there is nothing; a key twice is an error."""

    def construct_scalar(self, node: Any) -> Any:
        if node.style is not None:
            return super().construct_scalar(node)
        return None if node.value in ("", "~", "null") else Plain(node.value)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        for at, (key, _) in enumerate(node.value):
            if key.value in keys[:at]:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value} is there twice", problem_mark=key.start_mark)
        return super().construct_mapping(node, deep=deep)
