"""A worktree that moves from tree to tree.

Moving rewrites exactly the files in which two trees differ, so that only those get a new mtime and make's own
incremental build is exact: from v3 to v4 of a series, what v3 and v4 differ in is compiled again, not what either
differs from the base in.
"""

from __future__ import annotations

from pathlib import Path

from orchestrator.host.process import Runner
from orchestrator.model.kernel import Base
from orchestrator.source.git import Git


def base_tree(base: Base, runner: Runner) -> str:
    return Git(base.home / "git", runner).check("rev-parse", f"{base.commit}^{{tree}}").text.strip()


def worktree(base: Base, name: str) -> Path:
    """The worktree of a role. Build directories lie inside it, so that make sees the source as `..` and ccache
    sees the same relative paths for both roles."""
    return base.home / name


def move_worktree(base: Base, name: str, tree: str, runner: Runner) -> Path:
    """Make a worktree hold a tree, rewriting only files that differ (also after an interrupted move)."""
    return move_to(Git(base.home / "git", runner), worktree(base, name), tree)


def move_to(git: Git, where: Path, tree: str) -> Path:
    """Make a directory hold a tree. What git knows of it is in DIRECTORY.index beside it."""
    where.mkdir(exist_ok=True)
    index = where.with_name(f"{where.name}.index")
    # of a git that was killed: the caller holds the directory, so nobody else can be at work on this index
    index.with_name(f"{index.name}.lock").unlink(missing_ok=True)
    git.check("read-tree", "--reset", "-u", tree, index=index, worktree=where)
    return where
