"""The base that a series gets: the one that its mails name, the newest that it applies to, or what the user says."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from orchestrator.context import Context, Places
from orchestrator.declarations.catalog import Catalog, load_catalog
from orchestrator.errors import UsageError
from orchestrator.host.process import Cancel, Runner
from orchestrator.invocation.compose import find_base
from orchestrator.invocation.intake import Taken, take
from orchestrator.model.request import Request
from orchestrator.source.commits import commit_series
from orchestrator.source.git import Git
from tests.integration.conftest import Cli, git
from tests.integration.mails import thread


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture
def context(tmp_path: Path, catalog: Catalog) -> Context:
    return Context(Places(tmp_path / "cache", tmp_path / "state"), catalog, Runner(Cancel()), lambda event: None)


def taken(context: Context, patch: Path | str, tree: Path | None, base: str | None = None, **asked: object) -> Taken:
    request = Request(patch=str(patch), tree=str(tree) if tree else None, base=base, **asked)  # type: ignore[arg-type]
    return take(request, context.catalog, context, context.places.cache.parent)


def notes(found: Taken) -> str:
    assert found.series
    return "\n".join(found.series.notes)


def commit(tree: Path, number: int, words: str, day: int, name: str = "mm/memory.c") -> str:
    lines = (tree / name).read_text().splitlines()
    lines[number - 1] = words
    (tree / name).write_text("".join(f"{line}\n" for line in lines))
    git(tree, "add", "-A")
    date = f"2030-01-{day:02} 00:00:00 +0000"
    subprocess.run(
        ["git", "-C", str(tree), "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", words],
        env={"PATH": "/usr/bin:/bin", "GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date}, check=True,
    )  # fmt: skip
    return head(tree)


def head(tree: Path, revision: str = "HEAD") -> str:
    return git(tree, "rev-parse", f"{revision}^{{commit}}").strip()


@pytest.fixture
def history(tree: Path) -> Path:
    """v6.1 and v6.2 on main, to which a series for lines 6 and 20 applies, v6.3 and main, to which it does not; a newer
    fix on linux-6.1.y, a tag that is no commit, and one of a commit that holds no kernel."""
    git(tree, "tag", "-am", "x", "v6.1")
    commit(tree, 2, "row two", 2, "mm/mmap.c")
    git(tree, "tag", "v6.2")
    commit(tree, 20, "line twenty", 3)
    git(tree, "tag", "-am", "x", "v6.3")
    commit(tree, 3, "row three", 4, "mm/mmap.c")
    git(tree, "switch", "-q", "-c", "linux-6.1.y", "v6.1")
    commit(tree, 10, "row ten", 5, "mm/mmap.c")
    git(tree, "switch", "-q", "main")
    git(tree, "tag", "a-blob", "HEAD:Kconfig")
    empty = git(tree, "commit-tree", "-m", "no kernel", git(tree, "mktree").strip() or "").strip()
    git(tree, "tag", "no-kernel", empty)
    return tree


@pytest.fixture
def mbox(tmp_path: Path) -> Path:
    path = tmp_path / "t.mbox"
    path.write_text(thread())
    return path


def test_auto_finds_the_newest_to_which_the_series_applies(context: Context, history: Path, mbox: Path) -> None:
    found = taken(context, mbox, history, "auto")
    assert found.source.revision == head(history, "linux-6.1.y")
    assert "the base is linux-6.1.y (" in notes(found)
    assert "the newest branch or tag of 6 to which the series applies" in notes(found)
    git(history, "branch", "-qD", "linux-6.1.y")
    found = taken(context, mbox, history, "auto")
    assert found.source.revision == head(history, "v6.2")
    assert "not to main (mm: change line 20: patch failed: mm/memory.c:19)" in notes(found)


def test_auto_prefers_the_tree_that_the_subjects_name(context: Context, history: Path, mbox: Path) -> None:
    git(history, "tag", "v6.1.5", "v6.1")
    git(history, "branch", "newest", "v6.2")
    git(history, "switch", "-q", "newest")
    commit(history, 15, "row fifteen", 9, "mm/mmap.c")
    assert taken(context, mbox, history, "auto").source.revision == head(history, "newest")
    mbox.write_text(thread(" v6.1 v3"))
    found = taken(context, mbox, history, "auto")
    assert found.source.revision == head(history, "linux-6.1.y")
    assert found.series
    assert {patch.version for patch in found.series.patches} == {3}
    git(history, "branch", "-qD", "linux-6.1.y")
    assert taken(context, mbox, history, "auto").source.revision == head(history, "v6.1")


def test_a_tree_that_the_subjects_name_is_hinted_at(context: Context, history: Path, mbox: Path) -> None:
    mbox.write_text(thread(" 6.1.y"))
    assert "--base auto finds the newest branch or tag of 6.1.y" in notes(taken(context, mbox, history))
    assert "for 6.1.y" in notes(taken(context, mbox, None))
    assert "--tree DIR --base auto" in notes(taken(context, mbox, None))


def test_auto_that_finds_nothing_says_what_was_tried(context: Context, history: Path, mbox: Path) -> None:
    mbox.write_text(thread().replace("mm/memory.c", "mm/nothere.c"))
    with pytest.raises(UsageError, match="applies to none of the 5 branches and tags") as caught:
        taken(context, mbox, history, "auto")
    assert "linux-6.1.y" in caught.value.detail
    assert "nothere" in caught.value.detail
    assert "--base REV" in caught.value.hint
    with pytest.raises(UsageError, match="--base auto looks among"):
        taken(context, mbox, None, "auto")


def test_auto_is_fast_where_there_are_many_tags(context: Context, history: Path, mbox: Path) -> None:
    """2,000 tags, of which the 1,999 newest differ from each other in the file, so that nothing is known twice; then
    2,000 more that do not differ in it."""
    stream, content = [], (history / "mm/mmap.c").read_text()
    for number in range(2000):
        text = f"{number}\n{content}"
        stream.append(
            f"commit refs/heads/many\ncommitter t <t@t> {1900000000 + number} +0000\ndata 1\nx\n"
            + (f"from {head(history, 'main')}\n" if number == 0 else "")
            + f"M 100644 inline mm/mmap.c\ndata {len(text)}\n{text}\n"
            + f"reset refs/tags/v9.{number}\nfrom refs/heads/many\n\n"
        )
    subprocess.run(["git", "-C", str(history), "fast-import", "--quiet"], input="".join(stream), text=True, check=True)
    started = time.monotonic()
    found = taken(context, mbox, history, "auto")
    assert found.source.revision == head(history, "linux-6.1.y"), "mm/memory.c is the same in all of them"
    assert time.monotonic() - started < 20
    mbox.write_text(thread().replace("mm/memory.c", "mm/mmap.c").replace(" line ", " no line "))
    with pytest.raises(UsageError, match="none of the 200 branches and tags"):
        taken(context, mbox, history, "auto")


def test_links_and_scripts_are_applied_to_as_what_they_are(context: Context, history: Path, tmp_path: Path) -> None:
    (history / "run.sh").write_text("one\n")
    (history / "run.sh").chmod(0o755)
    (history / "link").symlink_to("run.sh")
    commit(history, 1, "with both", 10, "mm/mmap.c")
    git(history, "tag", "has-both")
    (history / "link").unlink()
    (history / "link").symlink_to("mm")
    (history / "run.sh").write_text("two\n")
    (tmp_path / "x.patch").write_text(git(history, "diff"))
    git(history, "checkout", "-q", ".")
    assert taken(context, tmp_path / "x.patch", history, "auto").source.revision == head(history, "has-both")


# --- base-commit and what goes below


def formatted(tree: Path, where: Path, base: str, last: str = "HEAD~1..HEAD") -> Path:
    where.write_text(git(tree, "format-patch", "--stdout", f"--base={base}", last))
    return where


def test_the_base_commit_of_the_mails_is_the_base(context: Context, history: Path, tmp_path: Path) -> None:
    commit(history, 30, "line thirty", 6)
    patch = formatted(history, tmp_path / "x.patch", "HEAD~1")
    commit(history, 31, "line thirty-one", 7)
    found = taken(context, patch, history)
    assert (found.source.revision, found.source.below) == (head(history, "HEAD~2"), ())
    assert "the base-commit of its mails" in notes(found)
    assert taken(context, patch, history, "auto").source.revision == head(history, "HEAD~2")
    named = taken(context, patch, history, "v6.3")
    assert named.source.revision == "v6.3"
    assert f"based on commit {head(history, 'HEAD~2')[:12]}: --base counts" in notes(named)
    assert "--tree DIR names a tree that has it" in notes(taken(context, patch, None))


def test_a_base_commit_that_is_missing_is_named_with_the_ways_out(context: Context, history: Path, mbox: Path) -> None:
    mbox.write_text(thread(says=f"base-commit: {'12' * 20}"))
    with pytest.raises(UsageError, match="based on commit 121212121212") as caught:
        taken(context, mbox, history)
    assert f"fetch REMOTE {'12' * 20}" in caught.value.hint
    assert "--base auto" in caught.value.hint
    found = taken(context, mbox, history, "auto")
    assert found.source.revision == head(history, "linux-6.1.y")
    assert "its base-commit 121212121212 is not in" in notes(found)


def test_required_patches_belong_to_the_base(context: Context, history: Path, tmp_path: Path) -> None:
    """A series that changes what two patches wrote that are on a branch of somebody's alone."""
    git(history, "switch", "-q", "-c", "theirs")
    commit(history, 30, "line thirty", 6)
    commit(history, 30, "line thirty again", 7)
    git(history, "switch", "-q", "-c", "mine")
    commit(history, 30, "line thirty at last", 8)
    patch = formatted(history, tmp_path / "x.patch", "main")
    git(history, "switch", "-q", "main")
    git(history, "branch", "-qD", "mine")
    found = taken(context, patch, history)
    assert found.series
    assert found.source.revision == head(history, "main")
    assert [one.subject for one in found.source.below] == ["line thirty", "line thirty again"]
    assert "2 patches that its mails require (prerequisite-patch-id) went below it" in notes(found)
    base, _ = find_base(found.source, context)
    assert base.under == head(history, "main")
    assert "with 2 patches that the series requires" in base.origin
    git_of_ours = Git(base.home / "git", context.runner)
    assert b"line thirty again\n" in git_of_ours.blobs(base.commit, ["mm/memory.c"])["mm/memory.c"]
    made = commit_series(base, found.series, context.runner)[-1]
    assert b"line thirty at last\n" in git_of_ours.blobs(made, ["mm/memory.c"])["mm/memory.c"]
    git(history, "branch", "-qD", "theirs")
    with pytest.raises(UsageError, match=r"requires 2 patches \(prerequisite-patch-id\) that no branch") as caught:
        taken(context, patch, history)
    assert "--base REV" in caught.value.hint


def test_two_base_commits_and_nonsense_are_said(context: Context, history: Path, mbox: Path) -> None:
    first, second = head(history), head(history, "v6.2")
    mbox.write_text(
        thread(says=f"base-commit: {first}\nbase-commit: {second}\nbase-commit: none\nBased-on: a good idea")
    )
    found = taken(context, mbox, history)
    assert found.source.revision == first
    assert f"several base commits are named: the first counts, {first[:12]}" in notes(found)
    assert "not understood, and ignored: base-commit: none" in notes(found)
    assert "not understood, and ignored: Based-on: a good idea" in notes(found)


# --- the request


def test_options_that_say_nothing_are_refused(context: Context, history: Path, mbox: Path) -> None:
    with pytest.raises(UsageError, match="--part says nothing for a git tree"):
        taken(context, "v6.1..v6.2", history, part="1")
    with pytest.raises(UsageError, match="--dirty goes with commits"):
        taken(context, mbox, history, dirty=True)
    with pytest.raises(UsageError, match="commits have no parts"):
        taken(context, "v6.1..v6.2#1/2", history)
    with pytest.raises(UsageError, match="there is no series to find a base for"):
        take(Request(base="auto"), context.catalog, context, history.parent)
    with pytest.raises(UsageError, match="--version says nothing without --patch"):
        take(Request(version=2, tree=str(history)), context.catalog, context, history.parent)


def test_commits_of_a_tree_can_be_tested_on_another_base(context: Context, history: Path) -> None:
    own = taken(context, "v6.1..v6.2", history)
    assert (own.source.tree, own.source.revision) == (str(history), head(history, "v6.1"))
    other = taken(context, "v6.1..v6.2", history, "linux-6.1.y")
    assert other.source.revision == "linux-6.1.y"
    assert other.series == own.series


def test_in_a_tree_and_without_a_patch_the_branch_is_tested(context: Context, history: Path) -> None:
    git(history, "switch", "-q", "-c", "topic", "--track", "main")
    commit(history, 30, "line thirty", 6)
    found = take(Request(), context.catalog, context, history / "mm")
    assert found.series
    assert (found.series.name, found.source.revision) == ("topic", head(history, "main"))
    for request in (Request(tree=str(history)), Request(base="linux-source-6.12")):
        assert take(request, context.catalog, context, history / "mm").series is None
    assert take(Request(), context.catalog, context, history.parent).series is None
    with pytest.raises(UsageError, match="is not in the git tree of a kernel"):
        take(Request(dirty=True), context.catalog, context, history.parent)


def test_what_is_usual_is_not_what_is_asked_for(context: Context, history: Path, mbox: Path) -> None:
    """A tree and a base that are settings are for patches that lie elsewhere."""
    git(history, "switch", "-q", "-c", "topic", "--track", "main")
    commit(history, 30, "line thirty", 6)
    usual = Request(tree="/somewhere/else", base="v6.1")
    found = take(usual, context.catalog, context, history / "mm", {"tree", "base"})
    assert found.series
    assert (found.request.tree, found.source.revision) == (str(history), head(history, "main"))
    outside = Request(tree=str(history), base="v6.1")
    assert take(outside, context.catalog, context, history.parent, {"tree", "base"}).source.revision == "v6.1"
    ranged = Request(patch="v6.1..v6.2", tree=str(history), base="v6.3")
    assert take(ranged, context.catalog, context, history.parent, {"tree", "base"}).source.revision == head(
        history, "v6.1"
    )
    assert take(ranged, context.catalog, context, history.parent, {"tree"}).source.revision == "v6.3"
    from_file = Request(patch=str(mbox), tree=str(history), base="v6.1")
    assert take(from_file, context.catalog, context, history.parent, {"tree", "base"}).source.revision == "v6.1"


def test_a_user_in_a_tree_gets_the_reason_and_the_ways_out(cli: Cli, history: Path) -> None:
    done = cli("build", "--tree", str(history), "--dirty")
    assert done.returncode == 2
    assert "which commits of main to test is not known: it has no upstream" in done.stderr
    assert "--patch BASE..HEAD" in done.stderr
