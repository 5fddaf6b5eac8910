"""A series on a base as a git tree object, and a worktree that moves from tree to tree.

Moving rewrites exactly the files in which two trees differ, so that only those get a new mtime and make's own
incremental build is exact: from v3 to v4 of a series, what v3 and v4 differ in is compiled again, not what either
differs from the base in.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from orchestrator.errors import PatchDoesNotApply
from orchestrator.model.kernel import Base, Variant
from orchestrator.model.series import Patch, Series
from orchestrator.process import CommandResult, Runner
from orchestrator.source.git import Git

FAILED_AT = re.compile(r"^error: patch failed: (?P<file>.+):(?P<line>\d+)$", re.MULTILINE)
REFUSED = re.compile(r"^error: (?P<file>[^:\n]+): (?P<why>[^\n]+)$", re.MULTILINE)
HUNK = re.compile(r"^@@ -(?P<start>\d+)(?:,\d+)? .*$", re.MULTILINE)


def apply_series(base: Base, series: Series, runner: Runner) -> str:
    """The id of the tree that the series makes of the base. Raises PatchDoesNotApply."""
    git = Git(base.home / "git", runner)
    with tempfile.TemporaryDirectory(prefix=".apply-", dir=base.home) as scratch:
        index = Path(scratch) / "index"
        git.check("read-tree", base.commit, index=index)
        files = []
        for number, patch in enumerate(series.patches):
            files.append(Path(scratch) / f"{number}.patch")
            files[-1].write_bytes(patch.diff)
        if _apply(git, index, files).status != 0:  # all or nothing, and git does not say which patch it was
            for patch, file in zip(series.patches, files, strict=True):
                result = _apply(git, index, [file])
                if result.status != 0:
                    raise _does_not_apply(patch, base, result.stderr.decode(errors="replace"))
        return git.check("write-tree", index=index).text.strip()


def _apply(git: Git, index: Path, patches: Sequence[Path]) -> CommandResult:
    """One git for all: each reads and writes the index of all files anew."""
    return git.ask(
        "apply", "--cached", "--verbose", "--whitespace=nowarn", *(os.fspath(file) for file in patches), index=index
    )


def base_tree(base: Base, runner: Runner) -> str:
    return Git(base.home / "git", runner).check("rev-parse", f"{base.commit}^{{tree}}").text.strip()


def worktree(base: Base, variant: Variant) -> Path:
    """The worktree of a variant. Build directories lie inside it, so that make sees the source as `..` and ccache
    sees the same relative paths for both variants."""
    return base.home / variant.value


def move_worktree(base: Base, variant: Variant, tree: str, runner: Runner) -> Path:
    """Make the variant's worktree hold a tree, rewriting only files that differ (also after an interrupted move)."""
    return move_to(Git(base.home / "git", runner), worktree(base, variant), tree)


def move_to(git: Git, where: Path, tree: str) -> Path:
    """Make a directory hold a tree. What git knows of it is in DIRECTORY.index beside it."""
    where.mkdir(exist_ok=True)
    index = where.with_name(f"{where.name}.index")
    # of a git that was killed: the caller holds the directory, so nobody else can be at work on this index
    index.with_name(f"{index.name}.lock").unlink(missing_ok=True)
    git.check("read-tree", "--reset", "-u", tree, index=index, worktree=where)
    return where


def _does_not_apply(patch: Patch, base: Base, words: str) -> PatchDoesNotApply:
    errors = "\n".join(line for line in words.splitlines() if not line.startswith("Checking patch "))
    hint = f"rebase the series onto {base.origin}, or name the base it was made for with --tree and --base"
    if match := FAILED_AT.search(words):
        file, line = match["file"], int(match["line"])
        where = f"{file}, hunk {_hunk(patch, file, line)}"
        return PatchDoesNotApply(f"{patch.name} does not apply to {base.origin}: {where}", detail=errors, hint=hint)
    if match := REFUSED.search(words):
        where = f"{match['file']}: {match['why']}"
        return PatchDoesNotApply(f"{patch.name} does not apply to {base.origin}: {where}", detail=errors, hint=hint)
    return PatchDoesNotApply(f"{patch.name} does not apply to {base.origin}", detail=errors, hint=hint)


def _hunk(patch: Patch, file: str, line: int) -> str:
    """The number and header of the hunk of a file that starts at a line, as the patch has it."""
    text = patch.diff.decode(errors="replace")
    for section in re.split(r"^(?=diff --git |--- )", text, flags=re.MULTILINE):
        if not re.search(rf"^\+\+\+ (?:b/)?{re.escape(file)}(?:\t|$)", section, re.MULTILINE):
            continue
        for number, match in enumerate(HUNK.finditer(section), 1):
            if int(match["start"]) == line:
                return f"{number} ({match[0]})"
    return f"at line {line}"
