"""git as a set of plumbing calls on a bare object store of ours, never on a user's checkout."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.process import Command, CommandResult, Runner

# A user's configuration (autocrlf, hooks, signing, fsmonitor) must not change what we make
ISOLATED = (
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", os.devnull),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
)
# Fixed, so that a commit's id depends on its content alone
DATE = "1767225600 +0000"
WHO = f"orchestrate <orchestrate@localhost> {DATE}"


@dataclass(frozen=True)
class Git:
    """A bare repository and how to run git on it."""

    directory: Path
    runner: Runner

    def command(self, *args: str, index: Path | None = None, worktree: Path | None = None) -> Command:
        env = [*ISOLATED, ("GIT_DIR", os.fspath(self.directory))]
        if index:
            env.append(("GIT_INDEX_FILE", os.fspath(index)))
        if worktree:
            env.append(("GIT_WORK_TREE", os.fspath(worktree)))
        return Command(("git", *args), cwd=worktree or self.directory, env=tuple(env))

    def check(
        self, *args: str, index: Path | None = None, worktree: Path | None = None, stdin: bytes = b""
    ) -> CommandResult:
        """Run git; raises CommandFailed."""
        return self.runner.check(self.command(*args, index=index, worktree=worktree), stdin=stdin)

    def ask(self, *args: str, index: Path | None = None, stdin: bytes = b"") -> CommandResult:
        """Run git and return also its refusals."""
        return self.runner.run(self.command(*args, index=index), stdin=stdin)

    def blobs(self, tree: str, files: Sequence[str]) -> dict[str, bytes]:
        """Files of a tree, those that it has, all from one process. Raises CommandFailed."""
        wanted = [file for file in dict.fromkeys(files) if "\n" not in file]
        asked = "".join(f"{tree}:{file}\n" for file in wanted).encode()
        out = self.check("cat-file", "--batch", stdin=asked).stdout
        found, at = {}, 0
        for file in wanted:
            end = out.index(b"\n", at)
            words = out[at:end].rsplit(b" ", 2)  # ID TYPE SIZE, or what was asked for and "missing"
            at = end + 1
            if words[-1] == b"missing":
                continue
            size = int(words[2])
            if words[1] == b"blob":
                found[file] = out[at : at + size]
            at += size + 1
        return found

    def changed_files(self, before: str, after: str) -> tuple[str, ...]:
        """Names of files that differ between two trees or commits, also those that one of them has not."""
        names = self.check("diff-tree", "-r", "-z", "--name-only", "--no-renames", before, after).stdout
        return tuple(name.decode("utf-8", "surrogateescape") for name in names.split(b"\0") if name)

    def has(self, object_name: str) -> bool:
        return self.ask("cat-file", "-e", object_name).status == 0


def quoted(path: bytes) -> bytes:
    """A path as fast-import reads it whatever is in it: C-quoted."""
    for plain, escaped in ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n")):
        path = path.replace(plain, escaped)
    return b'"' + path + b'"'
