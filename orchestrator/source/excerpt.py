"""Some files of a tree, read without a worktree: to learn whether they changed, and to build from them alone."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from orchestrator.host.process import Runner
from orchestrator.model.kernel import AppliedTree
from orchestrator.source.git import Git
from orchestrator.source.trees import move_to


@dataclass(frozen=True)
class Excerpt:
    """Some files of a tree. `digest` changes if one of them changes."""

    applied: AppliedTree
    entries: bytes = field(repr=False)  # as git lists them: mode, type, id, path; ended by NUL

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.entries).hexdigest()

    @cached_property
    def files(self) -> dict[str, str]:
        """For each path the file's mode, type and id."""
        pairs = (os.fsdecode(entry).split("\t", 1) for entry in self.entries.split(b"\0") if entry)
        return {path: blob for blob, path in pairs}

    def below(self, directories: Sequence[str]) -> Excerpt:
        """The part of it in these directories of the tree, each given with its last slash, or these files."""
        starts = tuple(os.fsencode(directory) for directory in directories)
        chosen = [
            entry for entry in self.entries.split(b"\0") if entry and entry.partition(b"\t")[2].startswith(starts)
        ]
        return Excerpt(self.applied, b"".join(entry + b"\0" for entry in chosen))


def excerpt(applied: AppliedTree, pattern: re.Pattern[bytes], runner: Runner) -> Excerpt:
    """The files whose path the pattern matches from its start."""
    chosen = [
        entry for entry in whole(applied, runner).entries.split(b"\0") if pattern.match(entry.partition(b"\t")[2])
    ]
    return Excerpt(applied, b"".join(entry + b"\0" for entry in chosen))


def whole(applied: AppliedTree, runner: Runner) -> Excerpt:
    """All files of the tree."""
    listing = Git(applied.base.home / "git", runner).check("ls-tree", "-r", "-z", applied.tree)
    return Excerpt(applied, listing.stdout)


def check_out(files: Excerpt, where: Path, runner: Runner) -> None:
    """Write the files below a directory."""
    git = Git(files.applied.base.home / "git", runner)
    with tempfile.TemporaryDirectory(prefix=".excerpt-", dir=where) as scratch:
        index = Path(scratch) / "index"
        git.check("update-index", "-z", "--index-info", index=index, worktree=where, stdin=files.entries)
        git.check("checkout-index", "--all", "--quiet", index=index, worktree=where)


def move(files: Excerpt, where: Path, runner: Runner) -> None:
    """Make a directory hold exactly these files, rewriting only those that differ. The caller ensures that nobody
    else works there."""
    git = Git(files.applied.base.home / "git", runner)
    with tempfile.TemporaryDirectory(prefix=".move-", dir=where.parent) as scratch:
        index = Path(scratch) / "index"
        git.check("update-index", "-z", "--index-info", index=index, stdin=files.entries)
        tree = git.check("write-tree", index=index).text.strip()
    move_to(git, where, tree)
    git.check("clean", "-ffdxq", index=where.with_name(f"{where.name}.index"), worktree=where)
