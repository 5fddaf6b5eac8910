"""git as a set of plumbing calls on a bare object store of ours, never on a user's checkout."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import BaseDamaged
from orchestrator.host.process import Command, CommandResult, Runner, failed

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
# What git says of objects that are there and cannot be read, or that a tree lists and that are gone. Some of it comes
# with exit status 1 and the words that a patch does not apply.
DAMAGE = re.compile(
    r"^(?:error|fatal): (?P<what>object file .+ is empty"
    r"|corrupt loose object .+|(?:loose|packed) object \w+ \(.+\) is corrupt"
    r"|(?:file|packfile) .+\.pack (?:is far too short|does not match|cannot be|is version|claims|is not).*"
    r"|index file .+\.idx .+|inflate: .+|unable to (?:stream|read tree) .+|unable to read sha1 file of .+"
    r"|failed to read .+|bad (?:tree )?object .+|git cat-file .+: bad file)$",
    re.MULTILINE,
)
ALTERNATES = "objects/info/alternates"


def damage(result: CommandResult) -> str:
    """What is damaged, in git's words; empty if a command failed for another reason."""
    found = DAMAGE.search(result.stderr.decode(errors="replace")) if result.status != 0 else None
    return found["what"] if found else ""


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
        """Run git; raises BaseDamaged, CommandFailed, HostRefused."""
        result = self._run(self.command(*args, index=index, worktree=worktree), stdin)
        if result.status != 0:
            raise failed(result)
        return result

    def ask(self, *args: str, index: Path | None = None, stdin: bytes = b"") -> CommandResult:
        """Run git, and return its failures as well. Raises BaseDamaged."""
        return self._run(self.command(*args, index=index), stdin)

    def _run(self, command: Command, stdin: bytes) -> CommandResult:
        result = self.runner.run(command, stdin=stdin)
        if what := damage(result):
            raise self._damaged(what, result)
        return result

    def _damaged(self, what: str, result: CommandResult) -> BaseDamaged:
        """Which store is damaged, ours or the user's that it borrows from, and the remedy."""
        listed = self.directory / ALTERNATES
        lenders = listed.read_text().split("\n") if listed.is_file() else []
        lender = next((path for path in lenders if path and path in what), "")
        if lender:
            hint = f"git --git-dir={shlex.quote(os.fspath(Path(lender).parent))} fsck"
            return BaseDamaged(f"the tree's own git objects are damaged: {what}", hint=hint, detail=result.tail())
        return BaseDamaged(
            f"the git objects of base {self.directory.parent.name} are damaged: {what}",
            hint=f"rm -r {shlex.quote(os.fspath(self.directory))}, and run the same command again: it is made anew",
            detail=result.tail(),
        )

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
        """Names of files that differ between two trees or commits, including those that only one of them has."""
        names = self.check("diff-tree", "-r", "-z", "--name-only", "--no-renames", before, after).stdout
        return tuple(name.decode("utf-8", "surrogateescape") for name in names.split(b"\0") if name)

    def diff(self, before: str, after: str) -> bytes:
        """The differences of two trees or commits, without lines of context, as `changed_lines` reads them."""
        plain = ("--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/")
        return self.check("diff-tree", "-r", "-p", "-U0", "-M", *plain, before, after).stdout

    def has(self, object_name: str) -> bool:
        """Whether the object exists and its kind can be read; for COMMIT^{tree} the commit too."""
        try:
            return self.ask("cat-file", "-e", object_name).status == 0
        except BaseDamaged:
            return False


def quoted(path: bytes) -> bytes:
    """A path as fast-import reads it whatever is in it: C-quoted."""
    for plain, escaped in ((b"\\", b"\\\\"), (b'"', b'\\"'), (b"\n", b"\\n")):
        path = path.replace(plain, escaped)
    return b'"' + path + b'"'
