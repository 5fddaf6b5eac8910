"""What the values of settings may be, beyond their types. Pure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from orchestrator.errors import BadDeclaration, UsageError
from orchestrator.storage.retention import parse_size

PLACES = ("tree", "cache")
ADDRESSES = ("archive", "location", "kcidb_server", "patchwork_server", "squad_server")
TOKENS = ("kcidb_token", "patchwork_token", "squad_token")
# What an executor is called, what KCIDB takes as the origin of an object, and SQUAD and patchwork in their addresses
FORMS = {
    "executor": (re.compile(r"local|dask://[^\s/]+:[0-9]{1,5}"), "local, or dask://HOST:PORT of a scheduler"),
    "ci_name": (re.compile(r"[a-z0-9_]{1,60}"), "a name of a-z, 0-9 and _"),
    "squad_project": (re.compile(r"~?[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII), "GROUP/PROJECT"),
    "patchwork_project": (re.compile(r"[\w-]{1,255}"), "the name of a project, as in its address"),
}
# Names of ours, joined by + in a kconfig, with the wildcards of --testcase; a revision of git. Nothing that is a path
# of the host, an option, or more than a line
NAME = re.compile(r"!?[A-Za-z0-9*?\[\]_][A-Za-z0-9._+*?\[\]-]*")
REVISION = re.compile(r"[A-Za-z0-9_@][\w./@^~{}+-]{0,250}")

# Options of these are held to the same as files: their values go into addresses and documents of others
OPTIONS_TOO = frozenset({*ADDRESSES, *FORMS} - {"archive", "executor"})


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
    if name in ADDRESSES:
        return _address(name, value, where)
    if name in TOKENS:
        return _token(name, value, where)
    if name in FORMS and not FORMS[name][0].fullmatch(value):
        raise BadDeclaration(f"{where}: {name}: expected {FORMS[name][1]}, got {value!r}")
    if name == "jobs" and value < 1:
        raise BadDeclaration(f"{where}: jobs: expected 1 or more, got {value}")
    return value


def _address(name: str, value: str, where: str) -> str:
    """Without / at its end. What may be a password in it is not repeated."""
    try:
        parts = urlsplit(value)
        has_secret = bool(parts.username or parts.password)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_secret, is_good = "@" in value, False
    if has_secret:
        way_out = f"{name.removesuffix('_server')}_token names a file" if name.endswith("_server") else ""
        raise BadDeclaration(f"{where}: {name}: an address with a user or a token in it", hint=way_out)
    if not is_good or re.search(r"\s|[?#]", value):
        expected = "an address that begins with https:// or http://"
        raise BadDeclaration(f"{where}: {name}: expected {expected}, got {value!r}")
    return value.rstrip("/")


def _token(name: str, value: str, where: str) -> str:
    """`$NAME`, or a path. Anything else may be the token itself, and is not repeated."""
    if re.fullmatch(r"\$[A-Za-z_][A-Za-z0-9_]*", value):
        return value
    if not value.startswith(("/", "~/")):
        raise BadDeclaration(
            f"{where}: {name}: expected an absolute path, ~/... or $VARIABLE", hint="the token itself is in that file"
        )
    try:
        return str(Path(value).expanduser())
    except RuntimeError as error:
        raise BadDeclaration(f"{where}: {name}: {error}") from None


def checked_from_tree(name: str, value: Any, where: str) -> None:
    """Raises BadDeclaration for what is no name or revision: a tree must not make us read what is not its own."""
    form = REVISION if name == "base" else NAME
    for one in value if isinstance(value, tuple) else (value,):
        if not form.fullmatch(one) or ".." in one:
            what = "a revision of this tree" if name == "base" else "a name, as `orchestrate list` shows them"
            raise BadDeclaration(f"{where}: {name}: expected {what}, got {one!r}")
