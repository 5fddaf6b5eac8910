"""The series that lies in a user's git tree: ranges, what is not committed, and that nothing there is written."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from orchestrator.errors import UsageError
from orchestrator.host.process import Cancel, Runner
from orchestrator.model.kernel import Base
from orchestrator.model.series import Origin, Series
from orchestrator.parse.patches.patch_name import read_range
from orchestrator.source.bases import Workplace, tree_base
from orchestrator.source.checkout import kernel_tree, tree_series
from orchestrator.source.commits import commit_series, trees_of
from tests.integration.conftest import git

RUNNER = Runner(Cancel())


def edit(tree: Path, number: int, words: str, name: str = "mm/memory.c") -> None:
    lines = (tree / name).read_text().splitlines()
    lines[number - 1] = words
    (tree / name).write_text("".join(f"{line}\n" for line in lines))


def commit(tree: Path, subject: str, number: int | None = None, name: str = "mm/memory.c") -> str:
    if number is not None:
        edit(tree, number, subject, name)
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "--allow-empty", "-m", subject)
    return head(tree)


def head(tree: Path, revision: str = "HEAD") -> str:
    return git(tree, "rev-parse", revision).strip()


@pytest.fixture
def topic(tree: Path) -> Path:
    """A branch with two commits over its upstream, main, which has moved on."""
    git(tree, "switch", "-q", "-c", "topic", "--track", "main")
    commit(tree, "mm: one", 3)
    commit(tree, "mm: two", 20)
    git(tree, "switch", "-q", "main")
    commit(tree, "upstream goes on", 2, "mm/mmap.c")
    git(tree, "switch", "-q", "topic")
    return tree


def series(tree: Path, text: str = "", dirty: bool | None = None) -> Series:
    return tree_series(tree, read_range(text) if text else None, dirty, RUNNER)


def origin(found: Series) -> Origin:
    assert found.origin
    return found.origin


def subjects(found: Series) -> list[str]:
    return [patch.subject for patch in found.patches]


def built(tree: Path, found: Series, tmp_path: Path) -> str:
    """The id of the tree that a kernel of the series is built from."""
    base, _ = tree_base(tree, origin(found).base, Workplace(tmp_path / "bases", RUNNER, print))
    return applied(base, found)


def applied(base: Base, found: Series) -> str:
    return trees_of(base, commit_series(base, found, RUNNER)[-1:], RUNNER)[0]


def everything(tree: Path) -> dict[Path, tuple[int, bytes]]:
    """All files below a tree, its .git too, with times and content. An object that git would have written and finds
    there gets a new time, so that no clean-up takes it from under us: of those the content alone."""
    return {
        path: (
            0 if path.is_relative_to(tree / ".git/objects") else path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(tree.rglob("*"))
    }


def test_a_branch_is_what_it_has_over_its_upstream(topic: Path, tmp_path: Path) -> None:
    found = series(topic)
    assert (found.name, subjects(found)) == ("topic", ["mm: one", "mm: two"])
    assert origin(found).name == "main..topic"
    assert origin(found).base == head(topic, "main~1"), "where they part, not where main is now"
    assert [patch.commit for patch in found.patches] == [head(topic, "HEAD~1"), head(topic)]
    assert [(patch.number, patch.total) for patch in found.patches] == [(1, 2), (2, 2)]
    assert built(topic, found, tmp_path) == head(topic, "HEAD^{tree}")


def test_the_commits_say_what_they_say_in_the_tree(topic: Path, tmp_path: Path) -> None:
    edit(topic, 30, "x")
    text = 'mm: Ünïcode\n\nFixes: 012345678901 ("mm: x")\nSigned-off-by: Zoë <z@example.org>\n'
    git(topic, "commit", "-qam", text, "--author", "Zoë Ω <z@example.org>", "--date", "2020-02-02T10:00:00+0300")
    found = series(topic)
    base, _ = tree_base(topic, origin(found).base, Workplace(tmp_path / "bases", RUNNER, print))
    made = commit_series(base, found, RUNNER)[-1]
    shown = subprocess.run(
        ["git", "--git-dir", str(base.home / "git"), "log", "-1", "--format=%an|%ae|%aI|%B", made],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert shown.strip() == f"Zoë Ω|z@example.org|2020-02-02T10:00:00+03:00|{text}".strip()


def test_what_is_not_committed_is_one_more_patch(topic: Path, tmp_path: Path) -> None:
    edit(topic, 30, "saved just now")
    (topic / "mm/new.c").write_text("added\n")
    git(topic, "add", "mm/new.c")
    (topic / "mm/new.c").write_text("added, and saved again\n")
    found = series(topic)
    assert subjects(found) == ["mm: one", "mm: two", "uncommitted changes"]
    assert origin(found).uncommitted == ("mm/memory.c", "mm/new.c")
    assert any("the last patch is what is not committed: mm/memory.c, mm/new.c" in note for note in found.notes)
    assert found.patches[-1].commit == ""
    git(topic, "stash", "-q", "-u")
    git(topic, "stash", "apply", "-q")
    commit(topic, "as git would commit it")
    assert built(topic, found, tmp_path) == head(topic, "HEAD^{tree}")


def test_it_can_be_left_out_or_be_all_there_is(topic: Path) -> None:
    edit(topic, 30, "saved just now")
    without = series(topic, dirty=False)
    assert subjects(without) == ["mm: one", "mm: two"]
    assert any("left out" in note for note in without.notes)
    assert subjects(series(topic, "HEAD..")) == ["uncommitted changes"]
    assert subjects(series(topic, "main..topic", dirty=True))[-1] == "uncommitted changes"
    git(topic, "checkout", "-q", "--", ".")
    assert subjects(series(topic, dirty=True)) == ["mm: one", "mm: two"]


def test_uncommitted_changes_belong_to_head_alone(topic: Path) -> None:
    edit(topic, 30, "saved just now")
    assert subjects(series(topic, "main..topic~1")) == ["mm: one"]
    with pytest.raises(UsageError, match="ends elsewhere"):
        series(topic, "main..topic~1", dirty=True)


def test_a_save_within_the_second_of_a_commit_is_seen(topic: Path) -> None:
    """git tells a changed file from its index by time and size, and by the time of the index itself."""
    for word in ("aaaa", "bbbb", "cccc", "dddd"):
        edit(topic, 30, word)
        git(topic, "commit", "-qam", word)
        edit(topic, 30, word.upper())
        assert word.upper().encode() in series(topic, "HEAD..").patches[-1].diff
        git(topic, "checkout", "-q", "--", ".")


def test_nothing_of_the_tree_is_written(topic: Path) -> None:
    git(topic, "config", "core.splitIndex", "true")
    git(topic, "update-index", "--split-index")
    for hook in ("post-index-change", "pre-commit", "fsmonitor"):
        path = topic / ".git/hooks" / hook
        path.write_text(f"#!/bin/sh\ntouch {topic}/{hook}-ran\n")
        path.chmod(0o755)
    git(topic, "config", "core.fsmonitor", ".git/hooks/fsmonitor")
    git(topic, "config", "core.untrackedCache", "true")
    (topic / "fsmonitor-ran").unlink(missing_ok=True)
    os.utime(topic / "mm/mmap.c")  # the index does not know that it is as it was: a refresh would write that
    edit(topic, 30, "saved just now")
    (topic / "mm/untracked.c").write_text("x\n")
    before = everything(topic)
    found = series(topic)
    assert subjects(found)[-1] == "uncommitted changes"
    assert found.patches[-1].files == ("mm/memory.c",)
    assert any("git does not track it: mm/untracked.c (git add -N FILE)" in note for note in found.notes)
    series(topic, dirty=False)
    assert everything(topic) == before


def test_renames_modes_links_and_binary_files_are_what_git_makes_of_them(topic: Path, tmp_path: Path) -> None:
    git(topic, "mv", "mm/mmap.c", "mm/moved.c")
    (topic / "mm/logo.png").write_bytes(bytes(range(256)) * 4)
    (topic / "mm/link.c").symlink_to("moved.c")
    (topic / "mm/a b\tü.c").write_text("x\n")
    commit(topic, "mm: move and add")
    (topic / "mm/logo.png").write_bytes(bytes(range(255, -1, -1)) * 4)
    (topic / "mm/memory.c").chmod(0o755)
    (topic / "mm/moved.c").unlink()
    (topic / "mm/link.c").unlink()
    (topic / "mm/link.c").symlink_to("memory.c")
    found = series(topic)
    commit(topic, "as git would commit it")
    assert built(topic, found, tmp_path) == head(topic, "HEAD^{tree}")
    assert b"rename from mm/mmap.c" in found.patches[2].diff
    assert "mm/a b\tü.c" in found.patches[2].files


def test_files_that_are_to_be_added_are_part_of_it(topic: Path) -> None:
    (topic / "mm/new.c").write_text("x\n")
    git(topic, "add", "-N", "mm/new.c")
    assert series(topic).patches[-1].files == ("mm/new.c",)


def test_conflicts_are_refused(topic: Path) -> None:
    git(topic, "switch", "-q", "-c", "other", "main")
    commit(topic, "mm: another one", 3)
    git(topic, "switch", "-q", "topic")
    with pytest.raises(subprocess.CalledProcessError):
        git(topic, "merge", "-q", "other")
    with pytest.raises(UsageError, match=r"files with conflicts: mm/memory\.c"):
        series(topic)
    assert subjects(series(topic, dirty=False)) == ["mm: one", "mm: two"]


@pytest.mark.parametrize("state", ["detached", "without", "gone"])
def test_without_an_upstream_the_ways_out_are_named(topic: Path, state: str) -> None:
    if state == "detached":
        git(topic, "switch", "-q", "--detach")
    elif state == "without":
        git(topic, "branch", "-q", "--unset-upstream")
    else:
        git(topic, "config", "branch.topic.merge", "refs/heads/gone")
    with pytest.raises(UsageError) as caught:
        series(topic)
    said = {"detached": "detached", "without": "it has no upstream", "gone": "refs/heads/gone is not there"}
    assert said[state] in caught.value.message
    assert "--patch BASE..HEAD" in caught.value.hint
    assert subjects(series(topic, "main..HEAD")) == ["mm: one", "mm: two"]


def test_nothing_to_test_is_an_error(topic: Path) -> None:
    git(topic, "switch", "-q", "main")
    git(topic, "branch", "-q", "--set-upstream-to", "topic")
    git(topic, "reset", "-q", "--hard", "topic~1")
    with pytest.raises(UsageError, match=r"nothing to test: topic\.\.main has no commits") as caught:
        series(topic)
    assert "--tree" in caught.value.hint


def test_one_commit_alone(topic: Path, tmp_path: Path) -> None:
    found = series(topic, "topic~1^!")
    assert (subjects(found), origin(found).base) == (["mm: one"], head(topic, "topic~2"))
    assert built(topic, found, tmp_path) == head(topic, "topic~1^{tree}")
    with pytest.raises(UsageError, match="has no parent"):
        series(topic, f"{git(topic, 'rev-list', '--max-parents=0', 'HEAD').strip()}^!")


def test_unknown_revisions_are_named(topic: Path) -> None:
    with pytest.raises(UsageError, match="mian: no such revision"):
        series(topic, "mian..HEAD")
    with pytest.raises(UsageError, match="nope: no such revision"):
        series(topic, "main..nope")


def test_a_side_branch_that_was_merged_is_one_patch(topic: Path, tmp_path: Path) -> None:
    git(topic, "switch", "-q", "-c", "side", "topic~1")
    commit(topic, "mm: on the side", 35)
    git(topic, "switch", "-q", "topic")
    git(topic, "merge", "-q", "--no-ff", "-m", "Merge side", "side")
    commit(topic, "mm: three", 38)
    found = series(topic)
    assert subjects(found) == ["mm: one", "mm: two", "Merge side", "mm: three"]
    assert any("main..topic has 1 merge: a merge is one patch" in note for note in found.notes)
    assert built(topic, found, tmp_path) == head(topic, "HEAD^{tree}")


def test_a_branch_that_merged_its_upstream_is_one_patch_on_top_of_it(topic: Path, tmp_path: Path) -> None:
    git(topic, "merge", "-q", "--no-ff", "-m", "Merge main", "main")
    commit(topic, "mm: three", 38)
    found = series(topic)
    assert len(found.patches) == 1
    assert origin(found).base == head(topic, "main"), "what upstream did is not the branch's doing"
    assert found.patches[0].files == ("mm/memory.c",)
    assert any("has 1 merge with its upstream: it is tested as one patch" in note for note in found.notes)
    assert built(topic, found, tmp_path) == head(topic, "HEAD^{tree}")


def test_histories_that_were_merged_into_each_other_have_no_one_base(topic: Path) -> None:
    mine, theirs = head(topic), head(topic, "main")
    git(topic, "merge", "-q", "--no-ff", "-m", "Merge main", "main")
    git(topic, "switch", "-q", "main")
    git(topic, "merge", "-q", "--no-ff", "-m", "Merge topic", mine)
    git(topic, "switch", "-q", "topic")
    with pytest.raises(UsageError, match="part at several commits") as caught:
        series(topic)
    assert mine[:12] in caught.value.message
    assert theirs[:12] in caught.value.message


def test_histories_without_a_common_commit(topic: Path) -> None:
    git(topic, "switch", "-q", "--orphan", "other")
    (topic / "Kconfig").write_text("x\n")
    commit(topic, "another world")
    with pytest.raises(UsageError, match="no common commit"):
        series(topic, "main..other")


def test_a_range_that_is_no_series_is_refused(topic: Path) -> None:
    stream = "".join(
        f"commit refs/heads/long\ncommitter t <t@t> {number} +0000\ndata 1\nx\n"
        + (f"from {head(topic)}\n" if number == 1 else "")
        for number in range(1, 503)
    )
    subprocess.run(["git", "-C", str(topic), "fast-import", "--quiet"], input=stream, text=True, check=True)
    with pytest.raises(UsageError, match="502 commits, and a series has at most 500"):
        series(topic, "topic..long")


def clone(tree: Path, where: Path, *options: str) -> Path:
    subprocess.run(
        ["git", "clone", "-q", *options, f"file://{tree}", str(where)], check=True, capture_output=True
    )  # fmt: skip
    return where


def test_a_shallow_clone_is_enough_for_what_it_has(topic: Path, tmp_path: Path) -> None:
    shallow = clone(topic, tmp_path / "shallow", "--depth=1", "--branch=topic")
    git(shallow, "remote", "set-branches", "--add", "origin", "main")
    git(shallow, "fetch", "-q", "--depth=1", "origin", "main")
    edit(shallow, 30, "saved just now")
    found = series(shallow)  # nothing over origin/topic but what is not committed
    assert subjects(found) == ["uncommitted changes"]
    base, _ = tree_base(shallow, origin(found).base, Workplace(tmp_path / "bases", RUNNER, print))
    assert applied(base, found) != head(shallow, "HEAD^{tree}")
    with pytest.raises(UsageError, match="no common commit") as caught:
        series(shallow, "origin/main..HEAD")
    assert "fetch --unshallow" in caught.value.hint
    with pytest.raises(UsageError, match="has no parent") as caught:
        series(shallow, "HEAD^!")
    assert "fetch --unshallow" in caught.value.hint
    commit(shallow, "mm: on top of it", 31)
    again = series(shallow)
    assert subjects(again) == ["mm: on top of it"]
    assert built(shallow, again, tmp_path) == head(shallow, "HEAD^{tree}")


def test_a_shallow_store_ends_where_its_lender_ends(topic: Path, tmp_path: Path) -> None:
    """git log and git blame of ours would stumble over parents that are not there."""
    shallow = clone(topic, tmp_path / "shallow", "--depth=1", "--branch=topic")
    commit(shallow, "mm: on top of it", 31)
    at = Workplace(tmp_path / "bases", RUNNER, print)
    base, _ = tree_base(shallow, "HEAD~1", at)
    store = ["git", "--git-dir", str(base.home / "git")]
    log = [*store, "log", "--format=%s", head(shallow)]
    assert subprocess.run(log, capture_output=True, text=True, check=True).stdout == "mm: on top of it\nmm: two\n"
    git(shallow, "fetch", "-q", "--unshallow")
    tree_base(shallow, "HEAD~1", at)
    assert "base\n" in subprocess.run(log, capture_output=True, text=True, check=True).stdout


def test_a_worktree_of_git_has_its_own_head_and_index(topic: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    git(topic, "worktree", "add", "-q", "-b", "second", "--track", str(second), "main")
    commit(second, "mm: in the second", 7)
    edit(second, 30, "saved in the second")
    edit(topic, 31, "saved in the first")
    found = series(second)
    assert subjects(found) == ["mm: in the second", "uncommitted changes"]
    assert b"saved in the second" in found.patches[-1].diff
    assert b"saved in the first" not in found.patches[-1].diff
    assert kernel_tree(second / "mm", RUNNER) == second
    commit(second, "as git would commit it")
    assert built(second, found, tmp_path) == head(second, "HEAD^{tree}")


def test_what_a_sparse_checkout_leaves_out_is_not_deleted(topic: Path, tmp_path: Path) -> None:
    for name in ("fs", "lib"):
        (topic / name).mkdir()
        (topic / name / "x.c").write_text("x\n")
    commit(topic, "more directories")
    git(topic, "sparse-checkout", "set", "mm")
    assert not (topic / "lib").exists()
    edit(topic, 30, "saved just now")
    before = everything(topic)
    found = series(topic)
    assert found.patches[-1].files == ("mm/memory.c",)
    assert everything(topic) == before
    git(topic, "commit", "-qam", "as git would commit it")
    assert built(topic, found, tmp_path) == head(topic, "HEAD^{tree}")


def test_the_users_line_ends_and_filters_count(topic: Path, tmp_path: Path) -> None:
    git(topic, "config", "core.autocrlf", "true")
    (topic / "mm/memory.c").write_bytes((topic / "mm/memory.c").read_bytes().replace(b"\n", b"\r\n"))
    assert subjects(series(topic)) == ["mm: one", "mm: two"]
    edit(topic, 30, "saved just now\r")
    found = series(topic)
    assert found.patches[-1].diff.count(b"\n+") == 2, "its +++ line, and the line that was changed"
    git(topic, "commit", "-qam", "as git would commit it")
    assert built(topic, found, tmp_path) == head(topic, "HEAD^{tree}")


def test_a_submodule_is_said_not_to_be_tested(topic: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "-q")
    commit(library, "one")
    git(topic, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "lib")
    commit(topic, "add a submodule")
    commit(topic / "lib", "moved on")
    found = series(topic)
    assert subjects(found)[-1] == "uncommitted changes"
    assert any("submodule" in note for note in found.notes)
    commit(topic, "as git would commit it")
    assert built(topic, found, tmp_path) == head(topic, "HEAD^{tree}")


def test_the_users_settings_do_not_change_the_patches(topic: Path) -> None:
    plain = series(topic)
    for name, value in {
        "diff.noprefix": "true", "diff.mnemonicPrefix": "true", "diff.external": "false", "color.ui": "always",
        "diff.context": "0", "diff.algorithm": "histogram", "core.quotePath": "false", "log.showSignature": "true",
        "format.pretty": "oneline", "diff.renames": "false",
    }.items():  # fmt: skip
        git(topic, "config", name, value)
    edit(topic, 30, "x")
    found = series(topic)
    assert [patch.sha256 for patch in found.patches[:2]] == [patch.sha256 for patch in plain.patches]
    assert found.patches[2].diff.startswith(b"diff --git a/mm/memory.c b/mm/memory.c\n")


def test_a_bare_repository_has_commits_and_no_files(topic: Path, tmp_path: Path) -> None:
    bare = clone(topic, tmp_path / "bare.git", "--bare")
    assert subjects(series(bare, "main..topic")) == ["mm: one", "mm: two"]
    with pytest.raises(UsageError, match="bare repository"):
        series(bare, "main..HEAD", dirty=True)


def test_a_kernel_tree_is_found_from_anywhere_in_it(tree: Path, tmp_path: Path) -> None:
    assert kernel_tree(tree / "mm", RUNNER) == tree
    assert kernel_tree(tmp_path, RUNNER) is None
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    assert kernel_tree(other, RUNNER) is None
