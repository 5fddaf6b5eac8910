"""Commits of a user's tree: those between a good and a bad one, and which of them to test next. Read-only."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import UsageError
from orchestrator.host.process import Command, Runner


@dataclass(frozen=True)
class Commit:
    """A commit, with the names that people use for it."""

    id: str
    author: str  # NAME <ADDRESS>
    subject: str

    @property
    def fixes(self) -> str:
        """The trailer of a commit that fixes it."""
        return f'Fixes: {self.id[:12]} ("{self.subject}")'


@dataclass(frozen=True)
class History:
    """The commits of one tree."""

    tree: Path
    runner: Runner

    def resolve(self, revision: str) -> str:
        """The full id. Raises UsageError."""
        found = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if not found:
            raise UsageError(f"{revision}: no such revision in {self.tree}")
        return found[0]

    def is_ancestor(self, older: str, newer: str) -> bool:
        return older in self._git("merge-base", "--all", older, newer)

    def fork(self, one: str, other: str) -> str:
        """The commit at which two revisions parted; empty where there is none, or one of them is gone."""
        return next(iter(self._git("merge-base", one, other)), "")

    def count(self, good: Sequence[str], bad: str) -> int:
        """The number of suspected commits: those of `bad` that are in none of the good ones."""
        return int(self._git("rev-list", "--count", bad, "--not", *good)[0])

    def candidates(self, good: Sequence[str], bad: str) -> tuple[str, ...]:
        """The suspected commits, those that split the rest best first, as in git bisect; `bad` itself is one of
        them."""
        lines = self._git("rev-list", "--bisect-all", bad, "--not", *good)
        return tuple(line.split()[0] for line in lines)

    def commit(self, revision: str) -> Commit:
        ident, author, subject = self._git("show", "--no-patch", "--format=%H%n%an <%ae>%n%s", revision)[:3]
        return Commit(ident, author, subject)

    def _git(self, *args: str) -> list[str]:
        """The lines that git prints; none if it fails."""
        env = (("GIT_OPTIONAL_LOCKS", "0"),)
        result = self.runner.run(Command(("git", "-C", os.fspath(self.tree), *args), env=env))
        return result.text.splitlines() if result.status == 0 else []
