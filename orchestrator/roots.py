"""Where declarations are: our own root, and the one that ORCHESTRATE_ROOT names, whose entries replace ours of the
same name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from orchestrator.errors import BadDeclaration, UsageError
from orchestrator.host import bounded
from orchestrator.host.real_path import real_path

VARIABLE = "ORCHESTRATE_ROOT"
CHECKOUT = Path(__file__).resolve().parents[1]
INSTALLED = Path(__file__).resolve().parent / "root"  # where a wheel has what lies beside the package in a checkout
BUILT_IN = INSTALLED if INSTALLED.is_dir() else CHECKOUT


def user_root() -> Path | None:
    """The user's own root, or None. Raises UsageError."""
    named = os.environ.get(VARIABLE)
    if not named:
        return None
    root = real_path(named)
    if not root.is_dir():
        raise UsageError(f"{VARIABLE} {named}: no such directory")
    if root == BUILT_IN:
        return None
    return root


def roots() -> tuple[Path, ...]:
    """All roots; an entry of a later one replaces those before. Raises UsageError."""
    return tuple(filter(None, (BUILT_IN, user_root())))


def kernel_report_files(root: Path | None) -> Mapping[str, str]:
    """The user's own kinds of kernel reports, ROOT/kernel_reports/KIND.toml: file name -> text. Raises
    BadDeclaration."""
    return {path.name: _text(path) for path in (sorted((root / "kernel_reports").glob("*.toml")) if root else [])}


def _text(path: Path) -> str:
    try:
        return bounded.read_bytes(path, bounded.DECLARATION).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadDeclaration(f"{path}: {getattr(error, 'strerror', None) or error}") from error
