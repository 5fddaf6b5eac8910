"""A user's git tree that passes for a kernel, as a base, with what stages that work on it are given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orchestrator.context import Context, Places
from orchestrator.declarations import catalog
from orchestrator.host.process import Cancel, Runner
from orchestrator.source.bases import Workplace, tree_base
from tests.integration.conftest import git


class UserTree:
    """`base` is the first commit of `tree`, `config` a .config for it."""

    def __init__(self, home: Path, files: Mapping[str, str]) -> None:
        self.home, self.tree = home, home / "linux"
        places = Places(home / "cache", home / "state")
        self.context = Context(places, catalog.load_catalog(), Runner(Cancel()), lambda event: None)
        self.tree.mkdir()
        git(self.tree, "init", "-q", "-b", "main")
        self.commit(files)
        self.base = tree_base(self.tree, "HEAD", Workplace(places.bases, self.context.runner, print))[0]
        self.config = home / "config"
        self.config.write_text("CONFIG_MM=y\n")

    def write(self, changes: Mapping[str, str]) -> None:
        """Change files, by name."""
        for name, text in changes.items():
            path = self.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def commit(self, changes: Mapping[str, str]) -> None:
        self.write(changes)
        git(self.tree, "add", "-A")
        git(self.tree, "commit", "-q", "-m", "change")
