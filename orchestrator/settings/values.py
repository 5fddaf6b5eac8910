"""What the values of settings may be, beyond their types. Pure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from orchestrator.errors import BadDeclaration, UsageError
from orchestrator.retention import parse_size

PLACES = ("tree", "cache")
# Names of ours, joined by + in a kconfig, with the wildcards of --testcase; a revision of git. Nothing that is a path
# of the host, an option, or more than a line
NAME = re.compile(r"!?[A-Za-z0-9*?\[\]_][A-Za-z0-9._+*?\[\]-]*")
REVISION = re.compile(r"[A-Za-z0-9_@][\w./@^~{}+-]{0,250}")


def checked(name: str, value: Any, where: str) -> Any:
    """The value; a place with ~ for the home directory spelled out. Raises BadDeclaration, which names key and
    place."""
    if value in ("", ()):
        raise BadDeclaration(f"{where}: {name}: expected something, got nothing")
    if name in PLACES or (name == "history" and "://" not in value):
        path = Path(value)
        try:
            path = path.expanduser()
        except RuntimeError as error:
            raise BadDeclaration(f"{where}: {name}: {value}: {error}") from None
        if not path.is_absolute():
            raise BadDeclaration(f"{where}: {name}: expected an absolute path or ~/..., got {value!r}")
        return str(path)
    if name == "cache_budget":
        try:
            parse_size(value)
        except UsageError as error:
            raise BadDeclaration(f"{where}: {name}: {error.message}") from None
    if name == "archive" and not re.match(r"https?://[^/\s]+\S*$", value):
        raise BadDeclaration(
            f"{where}: archive: expected an address that begins with https:// or http://, got {value!r}"
        )
    if name == "jobs" and value < 1:
        raise BadDeclaration(f"{where}: jobs: expected 1 or more, got {value}")
    return value


def checked_from_tree(name: str, value: Any, where: str) -> None:
    """Raises BadDeclaration for what is no name or revision: a tree must not make us read what is not its own."""
    form = REVISION if name == "base" else NAME
    for one in value if isinstance(value, tuple) else (value,):
        if not form.fullmatch(one) or ".." in one:
            what = "a revision of this tree" if name == "base" else "a name, as `orchestrate list` shows them"
            raise BadDeclaration(f"{where}: {name}: expected {what}, got {one!r}")
