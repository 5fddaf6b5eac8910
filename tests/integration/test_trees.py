"""Bases, applied trees and the worktree that moves between them, on a real git tree."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.declarations.patches import read_series
from orchestrator.errors import PatchDoesNotApply, UsageError
from orchestrator.host.process import Cancel, CommandResult, Runner
from orchestrator.model.kernel import Base
from orchestrator.source.bases import Workplace, find_in_tree, tree_base
from orchestrator.source.commits import commit_series
from orchestrator.source.trees import base_tree, move_worktree
from tests.integration.conftest import GOOD, git


@pytest.fixture
def runner() -> Runner:
    return Runner(Cancel())


@pytest.fixture
def base(tree: Path, tmp_path: Path, runner: Runner) -> Base:
    return tree_base(tree, "HEAD", Workplace(tmp_path / "bases", runner, print))[0]


def test_a_users_objects_are_borrowed_not_copied(base: Base, tree: Path) -> None:
    assert base.commit == git(tree, "rev-parse", "HEAD").strip()
    assert not [
        path for path in (base.home / "git/objects").rglob("*") if path.is_file() and path.parent.name != "info"
    ]


def test_uncommitted_changes_are_left_out_and_said(tree: Path, tmp_path: Path, runner: Runner) -> None:
    (tree / "mm/mmap.c").write_text("work in progress\n")
    _, notes = tree_base(tree, "HEAD", Workplace(tmp_path / "bases", runner, print))
    assert "uncommitted changes" in notes[0]
    assert (tree / "mm/mmap.c").read_text() == "work in progress\n"


def test_a_base_that_was_found_before_takes_few_processes(tree: Path, tmp_path: Path, runner: Runner) -> None:
    """Each is a fork of a large process, and the base is looked for in every run."""
    tree_base(tree, "main", Workplace(tmp_path / "bases", runner, print))
    ran: list[CommandResult] = []
    again = Runner(Cancel(), ran.append)
    tree_base(tree, "main", Workplace(tmp_path / "bases", again, print))
    assert len(ran) <= 8, [result.command.argv for result in ran]


@pytest.mark.parametrize("revision", ["nothing-like-it", "HEAD:Kconfig", "main..main"])
def test_what_is_no_commit_of_a_tree_is_no_base(tree: Path, runner: Runner, revision: str) -> None:
    with pytest.raises(UsageError, match="no such revision"):
        find_in_tree(tree, revision, runner)


def test_a_tree_without_git_is_no_base(tmp_path: Path, runner: Runner) -> None:
    with pytest.raises(UsageError, match="not a git tree") as caught:
        find_in_tree(tmp_path, "HEAD", runner)
    assert "not a git repository" in caught.value.detail


def test_a_base_says_where_its_branch_comes_from_and_keeps_passwords_to_itself(
    tree: Path, tmp_path: Path, runner: Runner
) -> None:
    def base(revision: str) -> Base:
        return tree_base(tree, revision, Workplace(tmp_path / "bases", runner, print))[0]

    branch = git(tree, "symbolic-ref", "--short", "HEAD").strip()
    assert (base("HEAD").url, base("HEAD").branch) == ("", branch)
    git(tree, "remote", "add", "upstream", "https://me:secret@example.org/linux.git")
    git(tree, "config", f"branch.{branch}.remote", "upstream")
    git(tree, "update-ref", "refs/remotes/upstream/mm-unstable", "HEAD")
    assert (base("HEAD").url, base("HEAD").branch) == ("https://example.org/linux.git", branch)
    followed = base("upstream/mm-unstable")
    assert (followed.url, followed.branch) == ("https://example.org/linux.git", "mm-unstable")
    assert base(followed.commit).branch == branch, "a commit is the branch that ends there, here the one checked out"
    git(tree, "commit", "-q", "--allow-empty", "-m", "one more")
    assert base(followed.commit).branch == "mm-unstable"
    git(tree, "branch", "other", followed.commit)
    git(tree, "branch", "another", followed.commit)
    assert base(followed.commit).branch == "", "two end there, and neither is checked out"


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("git://example.org/linux.git", True),
        ("ssh://example.org/linux.git", True),
        ("git@example.org:linux/mm.git", True),
        ("/srv/linux", False),
        ("../linux", False),
        ("file:///srv/linux", False),
    ],
)
def test_a_clone_of_a_directory_comes_from_no_url(
    tree: Path, tmp_path: Path, runner: Runner, url: str, *, known: bool
) -> None:
    """Two trees of one machine would be one tree of the history."""
    git(tree, "remote", "add", "origin", url)
    assert bool(tree_base(tree, "HEAD", Workplace(tmp_path / "bases", runner, print))[0].url) is known


def test_a_series_makes_a_tree_and_leaves_the_users_alone(
    base: Base, tree: Path, good_patch: Path, runner: Runner
) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in tree.rglob("*") if path.is_file())
    applied = commit_series(base, read_series(good_patch), runner)[-1]
    where = move_worktree(base, "patched", applied, runner)
    assert "line six\n" in (where / "mm/memory.c").read_text()
    assert applied != base_tree(base, runner)
    assert sorted((path, path.stat().st_mtime_ns) for path in tree.rglob("*") if path.is_file()) == before


def test_moving_rewrites_only_what_differs(base: Base, good_patch: Path, runner: Runner) -> None:
    where = move_worktree(base, "patched", base_tree(base, runner), runner)
    for path in where.rglob("*"):
        if path.is_file():
            os.utime(path, (1, 1))
    # like make's products: not git's business
    (where / ".build-base").mkdir()
    (where / ".build-base/memory.o").write_text("object")
    move_worktree(base, "patched", base_tree(base, runner), runner)
    for path in (where / "Kconfig", where / "mm/memory.c", where / "mm/mmap.c"):
        os.utime(path, (1000, 1000))
    move_worktree(base, "patched", base_tree(base, runner), runner)
    stamps = {name: (where / name).stat().st_mtime_ns for name in ("Kconfig", "mm/mmap.c")}
    move_worktree(base, "patched", commit_series(base, read_series(good_patch), runner)[-1], runner)
    assert {name: (where / name).stat().st_mtime_ns for name in stamps} == stamps
    assert "line six" in (where / "mm/memory.c").read_text()
    assert (where / ".build-base/memory.o").read_text() == "object"


def test_an_interrupted_move_is_mended(base: Base, good_patch: Path, runner: Runner) -> None:
    where = move_worktree(base, "patched", base_tree(base, runner), runner)
    (where / "mm/memory.c").write_text("half written")
    (where / "mm/mmap.c").unlink()
    move_worktree(base, "patched", commit_series(base, read_series(good_patch), runner)[-1], runner)
    assert "line six\n" in (where / "mm/memory.c").read_text()
    assert (where / "mm/mmap.c").read_text().startswith("row 1\n")


def test_the_hunk_that_fails_is_named(base: Base, tmp_path: Path, runner: Runner) -> None:
    second = "@@ -23,3 +23,4 @@ line 22\n line 23\n line twenty-four\n line 25\n+more\n"
    (tmp_path / "two.patch").write_text(GOOD.replace(" line 9\n", f" line 9\n{second}", 1))
    with pytest.raises(PatchDoesNotApply) as caught:
        commit_series(base, read_series(tmp_path / "two.patch"), runner)
    assert "mm/memory.c, hunk 2 (@@ -23,3 +23,4 @@" in caught.value.message
    assert "line twenty-four" in caught.value.detail
    assert "--base" in caught.value.hint


def test_a_patch_for_a_file_that_is_not_there_says_so(base: Base, tmp_path: Path, runner: Runner) -> None:
    (tmp_path / "other.patch").write_text(GOOD.replace("mm/memory.c", "mm/nothere.c"))
    with pytest.raises(PatchDoesNotApply, match=r"mm/nothere\.c: "):
        commit_series(base, read_series(tmp_path / "other.patch"), runner)
