"""One declaration, read with suspicion: unknown keys and wrong types are errors that name the file and the key."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import yaml

from orchestrator.errors import BadDeclaration, UsageError

E = TypeVar("E", bound=Enum)


def read_text(path: Path) -> str:
    """The text of a declaration. Raises UsageError, BadDeclaration."""
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadDeclaration(f"{path}: not text: {error}") from error


def read_yaml(path: Path) -> Any:
    """What a YAML file holds; None when that is nothing. Raises UsageError, BadDeclaration."""
    try:
        return yaml.safe_load(read_text(path))
    except yaml.YAMLError as error:
        raise BadDeclaration(f"{path}: not YAML: {error}") from error


class Entry:
    """A mapping of a declaration file that insists on types and on having no key left over."""

    def __init__(self, path: Path, data: Any, prefix: str = "") -> None:
        if not isinstance(data, dict):
            raise BadDeclaration(f"{path}: {prefix or 'the file'} must be a mapping")
        self._path, self._data, self._prefix = path, dict(data), prefix
        self._given = frozenset(self._data)
        self._known: list[str] = []

    @property
    def path(self) -> Path:
        return self._path

    @property
    def prefix(self) -> str:
        return self._prefix

    def has(self, name: str) -> bool:
        return name in self._given

    def take(self, name: str, kind: type, default: Any = None) -> Any:
        self._known.append(name)
        value = self._data.pop(name, default)
        if value is None:
            raise BadDeclaration(f"{self._path}: {self._prefix}{name} is missing")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise BadDeclaration(f"{self._path}: {self._prefix}{name} must be {kind.__name__}, not {value!r}")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        self._known.append(name)
        value = self._data.pop(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise BadDeclaration(f"{self._path}: {self._prefix}{name} must be a number, not {value!r}")
        return float(value)

    def strings(self, name: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = self.take(name, list, None if default is None else list(default))
        if not all(isinstance(item, str | int | float) and not isinstance(item, bool) for item in value):
            raise BadDeclaration(f"{self._path}: {self._prefix}{name} must be a list of strings, not {value!r}")
        return tuple(str(item) for item in value)

    def settings(self, name: str) -> tuple[tuple[str, str], ...]:
        """Files and what is to be written to them. `off` and `yes` are no strings in YAML: they have to be quoted."""
        found = self.take(name, dict, {})
        for key, value in found.items():
            if isinstance(value, bool) or not isinstance(value, str | int):
                raise BadDeclaration(
                    f"{self._path}: {self._prefix}{name}.{key} must be a string or number, not {value!r}"
                )
        return tuple((str(key), str(value)) for key, value in found.items())

    def choice(self, name: str, kind: type[E], default: E) -> E:
        value = self.take(name, str, default.value)
        try:
            return kind(value)
        except ValueError:
            known = ", ".join(str(member.value) for member in kind)
            raise BadDeclaration(
                f"{self._path}: {self._prefix}{name}: there is no {value}", hint=f"known: {known}"
            ) from None

    def done(self) -> None:
        if self._data:
            unknown = ", ".join(f"{self._prefix}{name}" for name in sorted(map(str, self._data)))
            raise BadDeclaration(f"{self._path}: unknown key {unknown}", hint=f"known keys: {', '.join(self._known)}")
