"""The series in a user's git tree: the commits of a branch, and uncommitted changes on top of them.

The tree is only read. What is not committed is hashed with a copy of its index, into a store that is gone afterwards:
neither the index nor the objects nor the refs of the tree are written, and no hook of it runs.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

from orchestrator.errors import UsageError
from orchestrator.host.process import Runner, failed
from orchestrator.model.series import Origin, Place, Series
from orchestrator.parse.patches.commit_patch import commit_patch, touches_submodule
from orchestrator.parse.patches.patch_name import Range
from orchestrator.parse.patches.series import series_of
from orchestrator.source.bases import ask_tree, borrowed, find_in_tree, in_tree
from orchestrator.source.git import Git
from orchestrator.words import counted

MOST_COMMITS = 500
NAMED = 3  # files of a kind that a note names; it counts the others
# What a commit says, as a mail from which `git mailinfo` reads it
WORDS = (
    "From: %an <%ae>%nDate: %aD%nSubject: %s%nMIME-Version: 1.0%nContent-Type: text/plain; charset=UTF-8%n"
    "Content-Transfer-Encoding: 8bit%n%n%b%n---%n"
)
# What a git directory has of its own, not shared with other worktrees, and git looks at when it looks at files
OF_A_WORKTREE = ("HEAD", "index", "sharedindex.*", "config.worktree", "info/sparse-checkout")
# Where reading an index would write something: beside it, or by a program of the user's
READ_ONLY = (
    "core.splitIndex=false",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    f"core.hooksPath={os.devnull}",
)


def kernel_tree(directory: Path, runner: Runner) -> Path | None:
    """The top of the kernel's git tree that a directory lies in; None if it lies in none."""
    if shutil.which("git") is None:
        return None
    top = top_of(directory, runner)
    return top if (top / "Kconfig").is_file() and (top / "mm").is_dir() and (top / ".git").exists() else None


def top_of(tree: Path, runner: Runner) -> Path:
    """The top of the work tree that a directory lies in; the directory itself if it is a bare repository, or none."""
    return Path(ask_tree(tree, runner, "rev-parse", "--show-toplevel") or tree)


@dataclass(frozen=True)
class _Span:
    """What is tested of a tree: everything between two commits. `steps` are the commits of which each is a patch, the
    first on top of `base`."""

    name: str
    base: str
    head: str
    steps: tuple[str, ...]
    notes: tuple[str, ...] = ()


def tree_series(tree: Path, wanted: Range | None, dirty: bool | None, runner: Runner) -> Series:
    """The commits of a range, or those that the branch has and its upstream lacks, and what is not committed as one
    more patch if the range ends at HEAD. `dirty`: with it or without; None: with it where there is some.

    Raises UsageError.
    """
    tree = top_of(tree, runner)
    head = find_in_tree(tree, "HEAD", runner).commit
    span = _span(tree, wanted, runner)
    if dirty and span.head != head:
        raise UsageError(
            f"--dirty: uncommitted changes are on top of HEAD, and {span.name} ends elsewhere",
            hint=f"a range that ends at HEAD, or --no-dirty, or git -C {shlex.quote(os.fspath(tree))} checkout",
        )
    if dirty and not _has_work_tree(tree, runner):
        raise UsageError(f"--dirty: {tree} is a bare repository: it has no files", hint="--no-dirty")
    notes = list(span.notes)
    with borrowed(tree, runner) as git:
        ends = (span.base, *span.steps)
        diffs = [commit_diff(git, before, after) for before, after in pairwise(ends)]
        more = b""
        if span.head == head and dirty is not False and _has_work_tree(tree, runner):
            shadow = _shadow(tree, git, runner)
            more = commit_diff(git, head, _work_tree(shadow))
            if untracked := shadow.names("--others", "--exclude-standard"):
                notes.append(f"not tested, because git does not track it: {_listed(untracked)} (git add -N FILE)")
        total = len(diffs) + bool(more)
        patches = [
            commit_patch(number, total, diff, commit_words(git, commit), commit)
            for number, (commit, diff) in enumerate(zip(span.steps, diffs, strict=True), 1)
        ]
    if dirty is False and span.head == head:
        notes.append("what is not committed was left out (--no-dirty)")
    uncommitted: tuple[str, ...] = ()
    if more:
        patches.append(commit_patch(total, total, more))
        uncommitted = patches[-1].files
        notes.append(f"the last patch is what is not committed: {_listed(uncommitted)}")
    if not any(patch.diff for patch in patches):
        raise _nothing(tree, span, dirty)
    if any(touches_submodule(patch.diff) for patch in patches):
        notes.append("a submodule is moved to another commit: what is in submodules is not tested")
    origin = Origin(Place.TREE, span.name, tree=str(tree), base=span.base, head=span.head, uncommitted=uncommitted)
    return series_of(_name(tree, wanted, head, span, runner), patches, notes, origin)


# --- which commits


def _span(tree: Path, wanted: Range | None, runner: Runner) -> _Span:
    until = (wanted.until if wanted else "") or "HEAD"
    head = find_in_tree(tree, until, runner).commit
    if wanted and wanted.alone:
        parent = ask_tree(tree, runner, "rev-parse", "--verify", "--quiet", f"{head}^1")
        if not parent:
            raise UsageError(f"{until}^!: the commit has no parent here", hint=_deeper(tree, runner) or "another one")
        return _Span(f"{until}^!", parent, head, (head,))
    since = (wanted.since or "HEAD") if wanted else _upstream(tree, runner)
    older = find_in_tree(tree, since, runner).commit
    name = f"{since}..{until if wanted else _branch(tree, runner)}"
    base = _fork(tree, name, older, head, runner)
    return _steps(tree, name, older, base, head, runner)


def _steps(tree: Path, name: str, older: str, base: str, head: str, runner: Runner) -> _Span:
    """Each commit of a range is a patch. Of merges each is one, with all that it brought; but where what it brought is
    of the other side's history, nothing but the whole can be told apart from that, and the range is one patch."""
    listed = ask_tree(tree, runner, "rev-list", "--topo-order", "--reverse", "--parents", head, f"^{older}")
    commits = [tuple(line.split()) for line in listed.splitlines()]
    merges = [commit for commit, *parents in commits if len(parents) > 1]
    notes: tuple[str, ...] = ()
    if merges:
        listed = ask_tree(tree, runner, "rev-list", "--first-parent", "--reverse", "--parents", head, f"^{older}")
        commits = [tuple(line.split()) for line in listed.splitlines()]
        what = f"{name} has {counted(len(merges), 'merge')}"
        if commits[0][1:2] != (base,):
            commits = [(head, base)]
            notes = (f"{what} with its upstream: it is tested as one patch, what differs from {base[:12]}",)
        else:
            notes = (f"{what}: a merge is one patch, with all that it brought",)
    if len(commits) > MOST_COMMITS:
        raise UsageError(
            f"{name}: {len(commits)} commits, and a series has at most {MOST_COMMITS}",
            hint="is that the right upstream? --patch BASE..HEAD names another one",
        )
    return _Span(name, base, head, tuple(commit for commit, *_ in commits), notes)


def _upstream(tree: Path, runner: Runner) -> str:
    """The upstream of the branch that is checked out. Raises UsageError."""
    branch = ask_tree(tree, runner, "symbolic-ref", "--quiet", "--short", "HEAD")
    ways = (
        "--patch BASE..HEAD tests the commits since BASE, --patch HEAD.. what is not committed, "
        f"--tree {shlex.quote(os.fspath(tree))} HEAD itself"
    )
    if not branch:
        raise UsageError(f"{tree}: HEAD is detached, so it has no upstream to be compared with", hint=ways)
    upstream = ask_tree(tree, runner, "rev-parse", "--abbrev-ref", "--symbolic-full-name", f"{branch}@{{upstream}}")
    if not upstream:
        named = ask_tree(tree, runner, "config", f"branch.{branch}.merge")
        why = f"its upstream {named} is not there" if named else "it has no upstream"
        raise UsageError(
            f"{tree}: which commits of {branch} to test is not known: {why}",
            hint=f"{ways}; or git branch --set-upstream-to=BASE",
        )
    return upstream


def _branch(tree: Path, runner: Runner) -> str:
    return ask_tree(tree, runner, "symbolic-ref", "--quiet", "--short", "HEAD") or "HEAD"


def _fork(tree: Path, name: str, older: str, newer: str, runner: Runner) -> str:
    """The commit at which two histories part. Raises UsageError."""
    found = ask_tree(tree, runner, "merge-base", "--all", older, newer).split()
    if len(found) == 1:
        return found[0]
    if found:
        ends = ", ".join(commit[:12] for commit in found)
        raise UsageError(
            f"{name}: the two sides were merged into each other, and part at several commits: {ends}",
            hint=f"name one of them: --patch {found[0][:12]}..",
        )
    raise UsageError(f"{name}: no common commit", hint=_deeper(tree, runner) or "name a commit that HEAD is based on")


def _deeper(tree: Path, runner: Runner) -> str:
    """What to do about history that a shallow clone lacks; empty for a whole one."""
    if ask_tree(tree, runner, "rev-parse", "--is-shallow-repository") != "true":
        return ""
    return f"the clone is shallow: git -C {shlex.quote(os.fspath(tree))} fetch --unshallow (or --deepen=1000)"


def _nothing(tree: Path, span: _Span, dirty: bool | None) -> UsageError:
    clean = "" if dirty is False else ", and nothing that is not committed"
    return UsageError(
        f"nothing to test: {span.name} has no commits that change something{clean}",
        hint=f"--patch RANGE names other commits, --tree {shlex.quote(os.fspath(tree))} alone tests HEAD itself",
    )


def _name(tree: Path, wanted: Range | None, head: str, span: _Span, runner: Runner) -> str:
    """What the series is called in reports: the same from day to day."""
    if span.head == head and not (wanted and wanted.alone):
        branch = _branch(tree, runner)
        return branch if branch != "HEAD" else tree.name
    return wanted.until if wanted and wanted.until else tree.name


# --- their content


def commit_diff(git: Git, before: str, after: str) -> bytes:
    options = ("-r", "-p", "--binary", "--full-index", "-M", "--no-ext-diff", "--no-textconv")
    return git.check("diff-tree", *options, before, after).stdout


def commit_words(git: Git, commit: str) -> bytes:
    return git.check("show", "-s", "--encoding=UTF-8", f"--format={WORDS}", commit).stdout


# --- what is not committed


def _has_work_tree(tree: Path, runner: Runner) -> bool:
    return ask_tree(tree, runner, "rev-parse", "--is-inside-work-tree") == "true"


@dataclass(frozen=True)
class _Shadow:
    """git on the files of a user's tree, with the user's settings and a git directory of our own. It is made like that
    of a linked worktree: settings and refs are those of the tree, the index is a copy, and new objects are ours."""

    tree: Path
    directory: Path
    objects: Path
    runner: Runner

    def ask(self, *args: str) -> str:
        env = (
            ("GIT_DIR", os.fspath(self.directory)),
            ("GIT_WORK_TREE", os.fspath(self.tree)),
            ("GIT_OBJECT_DIRECTORY", os.fspath(self.objects)),
        )
        settings = [word for setting in READ_ONLY for word in ("-c", setting)]
        result = in_tree(self.tree, self.runner, *settings, *args, env=env)
        if result.status != 0:
            raise failed(result)
        return result.stdout.decode("utf-8", "surrogateescape")

    def names(self, *args: str) -> list[str]:
        return [name for name in self.ask("ls-files", "-z", *args).split("\0") if name]


def _shadow(tree: Path, git: Git, runner: Runner) -> _Shadow:
    where = partial(ask_tree, tree, runner, "rev-parse", "--path-format=absolute")
    theirs, ours = Path(where("--git-dir")), git.directory / "shadow"
    (ours / "info").mkdir(parents=True)
    (ours / "commondir").write_text(f"{where('--git-common-dir')}\n")
    for pattern in OF_A_WORKTREE:
        for path in theirs.glob(pattern):
            shutil.copy2(path, ours / path.relative_to(theirs))  # with its time: git compares it with those of files
    return _Shadow(tree, ours, git.directory / "objects", runner)


def _work_tree(shadow: _Shadow) -> str:
    """The id of the tree that `git commit -a` would commit. Raises UsageError."""
    unmerged = sorted({name.partition("\t")[2] for name in shadow.names("--unmerged")})
    if unmerged:
        raise UsageError(
            f"{shadow.tree}: files with conflicts: {_listed(unmerged)}",
            hint="resolve them, or leave them out: --no-dirty",
        )
    shadow.ask("add", "--update")
    return shadow.ask("write-tree").strip()


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {counted(more, 'other')}" if more > 0 else "")
