"""Some files of a tree, taken out without a worktree: to know whether they changed, and to build from them alone."""

from __future__ import annotations

import hashlib
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.model.kernel import AppliedTree
from orchestrator.process import Runner
from orchestrator.source.git import Git


@dataclass(frozen=True)
class Excerpt:
    """The files of a tree whose paths match a pattern. `digest` changes when one of them does."""

    applied: AppliedTree
    entries: bytes = field(repr=False)  # as git lists them: mode, type, id, path; ended by NUL

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.entries).hexdigest()

    @property
    def is_empty(self) -> bool:
        return not self.entries


def excerpt(applied: AppliedTree, pattern: re.Pattern[bytes], runner: Runner) -> Excerpt:
    """The files whose path the pattern matches from its start."""
    listing = Git(applied.base.home / "git", runner).check("ls-tree", "-r", "-z", applied.tree).stdout
    chosen = [entry for entry in listing.split(b"\0") if pattern.match(entry.partition(b"\t")[2])]
    return Excerpt(applied, b"".join(entry + b"\0" for entry in chosen))


def check_out(files: Excerpt, where: Path, runner: Runner) -> None:
    """Write the files below a directory."""
    git = Git(files.applied.base.home / "git", runner)
    with tempfile.TemporaryDirectory(prefix=".excerpt-", dir=where) as scratch:
        index = Path(scratch) / "index"
        git.check("update-index", "-z", "--index-info", index=index, worktree=where, stdin=files.entries)
        git.check("checkout-index", "--all", "--quiet", index=index, worktree=where)
