"""Who wrote a line and who changed a function: asked of the real git about series of which every line says it."""

from __future__ import annotations

import difflib
import random
from itertools import pairwise
from pathlib import Path

import pytest

from orchestrator.host.process import Cancel, Runner
from orchestrator.model.kernel import Base
from orchestrator.parse.patches.series import read_patches
from orchestrator.source.bases import Workplace, tree_base
from orchestrator.source.blame import changers, with_tree, writers
from orchestrator.source.commits import commit_series, trees_of
from orchestrator.source.git import Git
from orchestrator.source.objects import Trees
from tests.integration.conftest import git

FILE = "mm/f.c"


@pytest.fixture
def runner() -> Runner:
    return Runner(Cancel())


def based(tmp_path: Path, lines: list[str], runner: Runner) -> Base:
    root = tmp_path / "linux"
    (root / "mm").mkdir(parents=True)
    (root / "Kconfig").write_text("mainmenu\n")
    (root / FILE).write_text("".join(f"{line}\n" for line in lines))
    for args in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "base"]):
        git(root, *args)
    return tree_base(root, "HEAD", Workplace(tmp_path / "bases", runner, print))[0]


def unified(old: list[str], new: list[str], names: tuple[str, str] = (f"a/{FILE}", f"b/{FILE}")) -> bytes:
    return ("\n".join(difflib.unified_diff(old, new, *names, lineterm="")) + "\n").encode()


def committed(base: Base, diffs: list[bytes], runner: Runner) -> tuple[str, ...]:
    series = read_patches([(f"{number:04}.patch", diff) for number, diff in enumerate(diffs)], "s")
    return commit_series(base, series, runner)


def edited(lines: list[str], patch: int, picker: random.Random) -> list[str]:
    """With lines replaced, added and removed; a new one says whose it is: `patch 2 line 5`."""
    new = list(lines)
    for edit in range(picker.randint(1, 4)):
        at = picker.randrange(len(new) + 1)
        new[at : at + picker.randrange(4)] = [f"patch {patch} line {edit}.{n}" for n in range(picker.randint(1, 3))]
    return new


@pytest.mark.parametrize("seed", range(8))
def test_every_line_has_its_writer_also_when_the_base_has_moved(tmp_path: Path, seed: int, runner: Runner) -> None:
    picker = random.Random(seed)
    # the patches were made without the lines ahead, so that git has to look for the place of each hunk (it does so
    # for all but those that begin with the file's first line)
    made_on = [f"base {number}" for number in range(60)]
    ahead = [f"base before {number}" for number in range(picker.randrange(5))]
    base = based(tmp_path, [*ahead, *made_on], runner)
    versions = [made_on]
    for patch in range(4):
        versions.append([*made_on[:6], *edited(versions[-1][6:], patch, picker)])
    diffs = [unified(old, new) for old, new in pairwise(versions)]
    commits = committed(base, diffs, runner)
    store = Git(base.home / "git", runner)
    result = store.blobs(commits[-1], [FILE])[FILE].decode().splitlines()
    assert result == [*ahead, *versions[-1]]
    found = writers(store, base.commit, commits[-1], FILE, range(1, len(result) + 1))
    for number, line in enumerate(result, 1):
        words = line.split()
        assert found[number] == (base.commit if words[0] == "base" else commits[int(words[1])]), line


OLD = ["int f(int a)", "{", "\ta++;", "\ta--;", "\tlock();", "\treturn a;", "}", "", "int g(int a)", "{"]
OLD += ["\tb++;", "\tb--;", "\tunlock();", "\treturn b;", "}"]
F, G = range(1, 8), range(9, 16)


def test_a_function_is_changed_by_whoever_wrote_or_removed_a_line_of_it(tmp_path: Path, runner: Runner) -> None:
    base = based(tmp_path, OLD, runner)
    without = [line for line in OLD if line != "\tlock();"]
    other = [line.replace("b++", "b += 2") for line in without]
    again = [line.replace("a++", "a += 2") for line in other]
    diffs = [unified(OLD, without), unified(without, other), unified(other, again)]
    commits = committed(base, diffs, runner)
    store = Git(base.home / "git", runner)

    def asked(lines: range) -> list[int]:
        shorter = range(lines.start - (lines is G), lines.stop - 1)
        return [commits.index(commit) for commit in changers(store, base.commit, commits[-1], FILE, shorter)]

    assert asked(F) == [0, 2]
    assert asked(G) == [1]


def test_a_file_that_the_series_moved_or_made_is_followed(tmp_path: Path, runner: Runner) -> None:
    base = based(tmp_path, OLD, runner)
    move = b"diff --git a/mm/f.c b/mm/m.c\nsimilarity index 90%\nrename from mm/f.c\nrename to mm/m.c\n"
    moved = [line.replace("a++", "a += 2") for line in OLD]
    new = b"--- /dev/null\n+++ b/mm/n.c\n@@ -0,0 +1,2 @@\n+one\n+two\n"
    commits = committed(base, [move + unified(OLD, moved, ("a/mm/f.c", "b/mm/m.c")), new], runner)
    store = Git(base.home / "git", runner)
    assert store.changed_files(base.commit, commits[-1]) == ("mm/f.c", "mm/m.c", "mm/n.c")
    found = writers(store, base.commit, commits[-1], "mm/m.c", (3, 4))
    assert found == {3: commits[0], 4: base.commit}
    assert changers(store, base.commit, commits[-1], "mm/m.c", F) == (commits[0],)
    assert writers(store, base.commit, commits[-1], "mm/n.c", (2,)) == {2: commits[1]}
    assert changers(store, base.commit, commits[-1], "mm/n.c", range(1, 3)) == (commits[1],)


def test_what_is_put_on_top_of_a_series_is_nobodys(tmp_path: Path, runner: Runner) -> None:
    base = based(tmp_path, OLD, runner)
    commits = committed(base, [unified(OLD, [line.replace("a++", "a += 2") for line in OLD])], runner)
    store = Git(base.home / "git", runner)
    (tree,) = trees_of(base, commits, runner)
    assert with_tree(store, commits[-1], tree) == commits[-1]
    text = store.blobs(tree, [FILE])[FILE].decode()
    changed = Trees(base, runner).with_files(tree, {FILE: text.replace("\ta--;", "\tmutant();\n\ta--;")})
    top = with_tree(store, commits[-1], changed)
    assert with_tree(store, commits[-1], changed) == top
    found = writers(store, base.commit, top, FILE, (3, 4, 5))
    assert found == {3: commits[0], 4: top, 5: base.commit}
