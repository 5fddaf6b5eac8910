"""Tree objects read and written without any worktree: diffs applied, files read and replaced."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from orchestrator.host.process import Runner
from orchestrator.model.kernel import Base
from orchestrator.source.git import Git

REGULAR = "100644"


class Trees:
    """The trees in a base's object store."""

    def __init__(self, base: Base, runner: Runner) -> None:
        self._git = Git(base.home / "git", runner)
        self._home = base.home
        self._indexes: dict[str, bytes] = {}  # of a tree: reading a kernel's anew for each of many diffs takes long

    def with_diff(self, tree: str, diff: bytes) -> tuple[str, str]:
        """The tree after a diff, or "" and git's words why it does not apply. One line of context is enough:
        debugging aids in between may have moved its neighbours."""
        with tempfile.TemporaryDirectory(prefix=".diff-", dir=self._home) as scratch:
            index = Path(scratch) / "index"
            if tree not in self._indexes:
                self._git.check("read-tree", tree, index=index)
                self._indexes[tree] = index.read_bytes()
            index.write_bytes(self._indexes[tree])
            result = self._git.ask("apply", "--cached", "-C1", "--whitespace=nowarn", "-", index=index, stdin=diff)
            if result.status != 0:
                return "", result.stderr.decode(errors="replace").strip()
            return self._git.check("write-tree", index=index).text.strip(), ""

    def changed_files(self, before: str, after: str) -> tuple[str, ...]:
        return self._git.changed_files(before, after)

    def read(self, tree: str, name: str) -> str | None:
        """The text of a file in a tree; None if it has no such file."""
        result = self._git.ask("cat-file", "blob", f"{tree}:{name}")
        return result.stdout.decode("utf-8", "surrogateescape") if result.status == 0 else None

    def with_files(self, tree: str, texts: Mapping[str, str]) -> str:
        """The tree with files replaced or added."""
        with tempfile.TemporaryDirectory(prefix=".files-", dir=self._home) as scratch:
            index = Path(scratch) / "index"
            self._git.check("read-tree", tree, index=index)
            for name, text in texts.items():
                data = text.encode("utf-8", "surrogateescape")
                blob = self._git.check("hash-object", "-w", "--stdin", stdin=data).text.strip()
                self._git.check("update-index", "--add", "--cacheinfo", f"{REGULAR},{blob},{name}", index=index)
            return self._git.check("write-tree", index=index).text.strip()
