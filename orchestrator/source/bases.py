"""Bases: the commit that a series applies to.

A base has a home directory of ours with a bare object store. For Debian's linux-source package the store holds the
archive as one commit, imported once. For a user's tree the store borrows the user's objects (alternates) and copies
nothing; the user's checkout, index and refs are never written.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from orchestrator.context import ELSEWHERE
from orchestrator.errors import BaseDamaged, BaseUnavailable, HostRefused, UsageError
from orchestrator.host.process import Command, CommandResult, Runner
from orchestrator.host.real_path import real_path
from orchestrator.model.kernel import Base
from orchestrator.source import archive
from orchestrator.source.git import ALTERNATES, ISOLATED, Git, damage
from orchestrator.storage.store import locked, write_atomically, writing

ARCHIVES = Path("/usr/src")
DEFAULT_BASE = "linux-source-6.12"
SHALLOW = "shallow"
CREDENTIALS = re.compile(r"^(\w[\w+.-]*://)[^/]*@")  # of a URL: what stands before the host
REMOTE_URL = re.compile(r"(?!file:)(?:[a-z][a-z0-9+.-]*://|[^/:]+:(?!/?$))")  # also git's HOST:PATH
# Neither is worth CPU time for objects that are read a few times
CHEAP = ("core.compression=1", "pack.compression=1", "gc.auto=0")


@dataclass(frozen=True)
class Workplace:
    """What finding a base needs: the directory of homes, how to run programs, and whom to tell about waiting."""

    homes: Path
    runner: Runner
    say: archive.Say


def installed() -> tuple[str, ...]:
    """The source packages on this machine, by name."""
    return tuple(sorted(path.name.removesuffix(".tar.xz") for path in ARCHIVES.glob("linux-source-*.tar.xz")))


def check_packaged(name: str) -> Path:
    """The archive of a source package. Raises BaseUnavailable."""
    path = ARCHIVES / f"{name}.tar.xz"
    if not path.is_file():
        raise BaseUnavailable(f"the source package {name} is not installed", hint=f"apt-get install {name}")
    return path


def packaged_base(name: str, at: Workplace) -> tuple[Base, bool]:
    """Debian's source package as a commit, imported if necessary, and whether it was there already. Raises
    BaseUnavailable, HostRefused."""
    path = check_packaged(name)
    version = _package_version(name, at.runner) or f"size {path.stat().st_size}"
    identity = hashlib.sha256(f"{path.name} {version}".encode()).hexdigest()[:8]
    _prepare(at)
    home = at.homes / f"{name}-{identity}"
    with locked(at.homes / f"{home.name}.lock", on_wait=_waiting(at, name), pause=at.runner.cancel.sleep):
        commit = _imported(home, at.runner)
        was_there = commit is not None
        if commit is None:
            commit = _import(path, home, f"{name} {version}", at)
    return Base(name, commit, f"{name} {version}", home), was_there


@dataclass(frozen=True)
class Revision:
    """A revision of a user's tree: its git directory, and the commit."""

    git: str
    commit: str


def find_in_tree(tree: Path, revision: str, runner: Runner) -> Revision:
    """Look up a revision of a user's git tree. Raises UsageError, BaseDamaged."""
    if not tree.is_dir():
        raise UsageError(f"--tree {tree}: no such directory")
    git_dir = ("rev-parse", "--path-format=absolute", "--git-common-dir")
    found = in_tree(tree, runner, *git_dir, "--verify", "--quiet", f"{revision}^{{commit}}")
    if not found.text:
        raise UsageError(f"--tree {tree}: not a git tree that can be read", detail=found.tail(5))
    if ask_tree(tree, runner, "config", "extensions.partialClone"):
        raise UsageError(
            f"--tree {tree}: a partial clone, whose missing objects cannot be borrowed",
            hint=f"git -C {tree} fetch --refetch --no-filter",
        )
    _check_undamaged(tree, found)
    if found.status != 0:
        raise UsageError(
            f"{revision}: no such revision in {tree}",
            hint=shlex.join(("git", "-C", str(tree), "log", "--oneline", revision)),
        )
    git, _, commit = found.text.removesuffix("\n").rpartition("\n")
    if not ask_tree(tree, runner, "cat-file", "-t", f"{commit}:Kconfig"):
        raise UsageError(f"{revision}: {tree} holds no Linux kernel at this revision (no Kconfig)")
    return Revision(git, commit)


def tree_base(tree: Path, revision: str, at: Workplace) -> tuple[Base, tuple[str, ...]]:
    """A revision of a user's git tree, and notes for the user. Raises UsageError, BaseUnavailable, HostRefused."""
    found = find_in_tree(tree, revision, at.runner)
    common, commit = found.git, found.commit
    identity = hashlib.sha256(common.encode()).hexdigest()[:8]
    _prepare(at)
    home = at.homes / f"{_plain(real_path(tree).name)}-{identity}"
    git = Git(home / "git", at.runner)
    with locked(at.homes / f"{home.name}.lock", on_wait=_waiting(at, str(tree)), pause=at.runner.cancel.sleep):
        if not _borrows(git, common, commit):
            at.say(f"the objects that borrow from {tree} are damaged: they are made anew")
            shutil.rmtree(home / "git")
            if not _borrows(git, common, commit):
                raise BaseDamaged(
                    f"{tree}: git cannot read commit {commit}", hint=f"git -C {shlex.quote(os.fspath(tree))} fsck"
                )
    notes: tuple[str, ...] = ()
    if revision != commit and ask_tree(tree, at.runner, "status", "--porcelain", "--untracked-files=no"):
        notes = (f"uncommitted changes in {tree} are not part of the base (commit {commit[:12]})",)
    origin = f"{tree} {commit[:12] if revision == commit else f'{revision} ({commit[:12]})'}"
    return Base(real_path(tree).name, commit, origin, home, *_remote(tree, revision, at.runner)), notes


@contextmanager
def borrowed(tree: Path, runner: Runner) -> Iterator[Git]:
    """A store for a moment that has all objects of a user's tree: git is asked here, not with the user's settings, and
    what it makes is gone afterwards."""
    common = Path(ask_tree(tree, runner, "rev-parse", "--path-format=absolute", "--git-common-dir"))
    with tempfile.TemporaryDirectory(prefix="orchestrate-tree-") as scratch:
        git = Git(Path(scratch) / "git", runner)
        _new_store(git.directory, runner)
        _borrow(git, common)
        yield git


def _borrow(git: Git, common: Path) -> None:
    """Have a store read the objects of a repository, and end history where that ends in a shallow clone."""
    write_atomically(git.directory / ALTERNATES, b"%b/objects\n" % os.fsencode(common))
    shallow, ours = common / SHALLOW, git.directory / SHALLOW
    if shallow.is_file():
        write_atomically(ours, shallow.read_bytes())
    else:
        ours.unlink(missing_ok=True)


def _remote(tree: Path, revision: str, runner: Runner) -> tuple[str, str]:
    """The URL that the revision's branch comes from, without credentials, and the branch's name; empty when unknown. Of
    a commit it is the branch that ends there. A clone of another directory comes from no URL."""
    ask = partial(ask_tree, tree, runner)
    full = ask("rev-parse", "--symbolic-full-name", revision) or _branch_at(ask, revision)
    kind, _, branch = full.removeprefix("refs/").partition("/")
    if kind == "remotes":
        remote, _, branch = branch.partition("/")
    elif kind == "heads":
        remote = ask("config", f"branch.{branch}.remote")
    else:
        remote, branch = "", ""
    url = CREDENTIALS.sub(r"\1", ask("remote", "get-url", remote or "origin"))
    return url if REMOTE_URL.match(url) else "", branch


def _branch_at(ask: Callable[..., str], commit: str) -> str:
    """The full name of a branch that ends at a commit: of several the one that is checked out, else none is meant."""
    for where in ("refs/heads", "refs/remotes"):
        names = ask("for-each-ref", f"--points-at={commit}", "--format=%(refname)", where).split()
        names = [name for name in names if not name.endswith("/HEAD")]
        if len(names) > 1 and (checked_out := ask("symbolic-ref", "--quiet", "HEAD")) in names:
            return checked_out
        if names:
            return names[0] if len(names) == 1 else ""
    return ""


def in_tree(tree: Path, runner: Runner, *args: str, env: tuple[tuple[str, str], ...] = ()) -> CommandResult:
    """git with the user's own configuration (safe.directory). It only reads, and takes no locks."""
    return runner.run(Command(("git", "-C", os.fspath(tree), *args), env=(("GIT_OPTIONAL_LOCKS", "0"), *env)))


def ask_tree(tree: Path, runner: Runner, *args: str) -> str:
    """git's answer; empty if it has none. Raises BaseDamaged."""
    result = in_tree(tree, runner, *args)
    _check_undamaged(tree, result)
    return result.text.strip() if result.status == 0 else ""


def _check_undamaged(tree: Path, result: CommandResult) -> None:
    """Raises BaseDamaged."""
    if what := damage(result):
        hint = f"git -C {shlex.quote(os.fspath(tree))} fsck"
        raise BaseDamaged(f"{tree}: its git objects are damaged: {what}", hint=hint, detail=result.tail())


def _plain(name: str) -> str:
    """A name for a tree without characters that make cannot handle in a path."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or "tree"


def _prepare(at: Workplace) -> None:
    """Make the directory of all homes. Outside of the cache it must be ours alone: whoever can write there could
    change a kernel. Raises HostRefused."""
    with writing(at.homes):
        at.homes.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = at.homes.lstat()
    if at.homes.parent != ELSEWHERE:
        return
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise HostRefused(
            f"{at.homes} is not a directory of this user alone",
            hint="XDG_CACHE_HOME names another directory for the cache: one in whose path make can work is used itself",
        )
    at.say(f"make cannot work in the path of the cache: kernels are made in {at.homes}")


def _borrows(git: Git, common: str, commit: str) -> bool:
    """Whether a store, which is made if there is none, has a commit of the store that it borrows from."""
    if not (git.directory / "HEAD").is_file():
        _new_store(git.directory, git.runner)
    _borrow(git, Path(common))
    return git.has(f"{commit}^{{tree}}")


def _waiting(at: Workplace, name: str) -> archive.Say:
    return lambda holder: at.say(f"waiting for {holder}, which is importing {name}")


def _package_version(name: str, runner: Runner) -> str:
    if shutil.which("dpkg-query") is None:
        return ""
    result = runner.run(Command(("dpkg-query", "--show", "--showformat=${Version}", name)))
    return result.text.strip() if result.status == 0 else ""


def _new_store(directory: Path, runner: Runner) -> None:
    directory.parent.mkdir(parents=True, exist_ok=True)
    runner.check(Command(("git", "init", "--quiet", "--bare", os.fspath(directory)), env=ISOLATED))
    git = Git(directory, runner)
    for setting in CHEAP:
        git.check("config", *setting.split("=", 1))


def _imported(home: Path, runner: Runner) -> str | None:
    """The commit of an import, if it and its objects can still be read."""
    git = Git(home / "git", runner)
    if not (git.directory / "HEAD").is_file() or not git.has(f"{archive.COMMIT}^{{tree}}"):
        return None
    return git.check("rev-parse", "--verify", f"{archive.COMMIT}^{{commit}}").text.strip()


def _import(path: Path, home: Path, label: str, at: Workplace) -> str:
    """Import the archive. Existing worktrees stay: the same archive makes the same objects."""
    again = ": the objects of an earlier import are damaged" if (home / "git").exists() else ""
    at.say(f"importing {label} into the object store (once, about a minute){again}")
    at.homes.mkdir(parents=True, exist_ok=True)
    for abandoned in at.homes.glob(f".import-{home.name}-*"):  # by a run that was killed; we hold the lock
        shutil.rmtree(abandoned, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".import-{home.name}-", dir=at.homes))
    try:
        _new_store(scratch / "git", at.runner)
        git = Git(scratch / "git", at.runner)
        archive.import_tar(path, git.command("fast-import", "--quiet", "--depth=0", "--done"), label, at.runner.cancel)
        commit = git.check("rev-parse", "--verify", f"{archive.COMMIT}^{{commit}}").text.strip()
        with writing(home):
            home.mkdir(exist_ok=True)
            shutil.rmtree(home / "git", ignore_errors=True)
            (scratch / "git").rename(home / "git")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return commit
