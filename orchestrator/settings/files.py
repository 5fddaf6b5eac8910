"""The files that hold settings: the user's own, and a tree's, which anybody may have written."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from orchestrator.declarations import schema
from orchestrator.errors import BadDeclaration, UsageError
from orchestrator.parse.toml_lines import key_lines
from orchestrator.settings.keys import FROM_TREE, KEYS, Settings
from orchestrator.settings.values import checked, checked_from_tree

IN_TREE = "orchestrate.toml"
MOST_BYTES = 64 << 10


def user_file(environment: Mapping[str, str]) -> Path | None:
    """Where the user's settings are, whether or not there are any. As the XDG specification demands, a relative
    XDG_CONFIG_HOME is ignored. None without HOME."""
    named = Path(environment.get("XDG_CONFIG_HOME", ""))
    if named.is_absolute():
        return named / "orchestrate/config.toml"
    home = environment.get("HOME", "")
    return Path(home) / ".config/orchestrate/config.toml" if home else None


def tree_around(where: Path) -> Path | None:
    """The kernel's git tree that a directory lies in; None if it lies in none. Only looks at names."""
    top = next((one for one in (where, *where.parents) if os.path.lexists(one / ".git")), None)
    return top if top and (top / "Kconfig").is_file() and (top / "mm").is_dir() else None


def read_user_settings(path: Path) -> tuple[Settings, Mapping[str, str]]:
    """The settings, and for each one that is set where. Raises BadDeclaration, UsageError."""
    text = _read(path, follow=True)
    return _settings(text, path) if text is not None else (Settings(), {})


def read_tree_settings(tree: Path) -> tuple[Settings, Mapping[str, str]]:
    """The same of a tree, whose file may set few of them. Raises BadDeclaration, UsageError."""
    path = tree / IN_TREE
    # not through a link: it could lead to a file that is not the tree's, of which an error message would tell
    text = _read(path, follow=False)
    if text is None:
        return Settings(), {}
    found, places = _settings(text, path)
    if refused := [name for name in places if not KEYS[name].by_tree]:
        raise BadDeclaration(
            f"{places[refused[0]]}: a tree may not set {', '.join(refused)}",
            hint=f"it may set {', '.join(FROM_TREE)}; the rest is yours: {user_file(os.environ) or 'ORCHESTRATE_*'}",
        )
    for name in places:
        checked_from_tree(name, getattr(found, name), places[name])
    return found, places


def _settings(text: str, path: Path) -> tuple[Settings, Mapping[str, str]]:
    found = schema.from_toml(Settings, text, str(path))
    lines = key_lines(text)
    places = {}
    for name in KEYS:
        if getattr(found, name) is not None:
            places[name] = f"{path}:{lines[(name,)]}" if (name,) in lines else str(path)
            found = replace(found, **{name: checked(name, getattr(found, name), places[name])})
    return found, places


def _read(path: Path, *, follow: bool) -> str | None:
    """The text of a regular file of bounded size; None if there is none. Raises UsageError, BadDeclaration."""
    try:
        # NONBLOCK: a FIFO would keep us waiting for a writer
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        why = "a symbolic link, which is not followed" if path.is_symlink() and not follow else error.strerror
        raise UsageError(f"{path}: {why}") from error
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise UsageError(f"{path}: not a regular file")
    with os.fdopen(number, "rb") as handle:
        content = handle.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise UsageError(f"{path}: larger than {MOST_BYTES >> 10} KiB")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadDeclaration(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from error
