"""Which commits of a series wrote lines of a file and changed a stretch of it: git blame and git log -L."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from orchestrator.source.git import WHO, Git

BLAMED = re.compile(r"^(?P<commit>[0-9a-f]{40,64}) \d+ (?P<line>\d+)", re.MULTILINE)


def with_tree(git: Git, commit: str, tree: str) -> str:
    """A commit with this tree: the given one if it has it, else a new one on top of it, which belongs to no patch."""
    if git.check("rev-parse", f"{commit}^{{tree}}").text.strip() == tree:
        return commit
    words = f"tree {tree}\nparent {commit}\nauthor {WHO}\ncommitter {WHO}\n\nwhat was put on top of the series\n"
    return git.check("hash-object", "-t", "commit", "-w", "--stdin", stdin=words.encode()).text.strip()


def writers(git: Git, before: str, commit: str, file: str, lines: Iterable[int]) -> Mapping[int, str]:
    """The commits that wrote these lines (from 1) of a file: `before` for lines that are older than the series."""
    wanted = [option for line in sorted(set(lines)) for option in ("-L", f"{line},{line}")]
    said = git.check("blame", "--porcelain", *wanted, f"{before}..{commit}", "--", file).text
    return {int(match["line"]): match["commit"] for match in BLAMED.finditer(said)}


def changers(git: Git, before: str, commit: str, file: str, lines: range) -> tuple[str, ...]:
    """The commits that wrote or removed lines within a stretch (from 1) of a file, the oldest first."""
    stretch = f"{lines.start},{lines.stop - 1}:{file}"
    said = git.check("log", "--reverse", "--format=%H", "--no-patch", "-L", stretch, f"{before}..{commit}")
    return tuple(said.text.split())
