"""Which orchestrate this is: its number, the commit of its code, and a digest of its cases, kconfigs and patches."""

from __future__ import annotations

import hashlib
from pathlib import Path

from orchestrator import __version__
from orchestrator.errors import OrchestrateError
from orchestrator.host.process import Cancel, Command, Runner
from orchestrator.roots import BUILT_IN, CHECKOUT, INSTALLED

COMMIT = Path(__file__).parent / "data/commit.txt"  # of an installed package: .ci/wheel_data.py
DATA = ("kconfigs", "patches", "testcases")


def version() -> str:
    """`0.1.0, commit 6e41ea1f3c52, data 0f3a5b7c9d11`. A commit that ends in `-dirty` has changes; an unpacked archive
    has no commit."""
    commit = _commit()
    return ", ".join((__version__, *([f"commit {commit}"] if commit else ()), f"data {_data_digest(BUILT_IN)}"))


def _commit() -> str:
    if BUILT_IN == INSTALLED:
        return COMMIT.read_text().strip() if COMMIT.is_file() else ""
    if not (CHECKOUT / ".git").exists():
        return ""  # git would find a repository around
    argv = ("git", "-C", str(CHECKOUT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    try:
        return Runner(Cancel()).check(Command(argv)).text.strip()
    except OrchestrateError:
        return ""


def _data_digest(root: Path) -> str:
    """Of names and contents: two installations with the same digest run the same cases."""
    found = hashlib.sha256()
    for path in sorted(path for name in DATA for path in (root / name).rglob("*") if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        found.update(f"{path.relative_to(root)}\0{content}\0".encode(errors="surrogateescape"))
    return found.hexdigest()[:12]
