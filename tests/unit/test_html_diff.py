"""Lines of patches, and the notes about them: a note finds its line through all patches that come behind it."""

from __future__ import annotations

import difflib
import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.reporters.html.diff import LineNote, PatchDiff, annotated, patch_diff


def diff(old: list[str], new: list[str], name: str = "mm/vma.c", *, new_name: str = "", context: int = 3) -> bytes:
    new_name = new_name or name
    head = [f"diff --git a/{name} b/{new_name}\n"]
    if new_name != name:
        head += [f"rename from {name}\n", f"rename to {new_name}\n"]
    before, after = ([f"{line}\n" for line in side] for side in (old, new))
    said = difflib.unified_diff(before, after, f"a/{name}", f"b/{new_name}", n=context)
    return "".join([*head, *said]).encode()


def noted(patches: tuple[PatchDiff, ...]) -> list[tuple[int, str, int, str]]:
    """Patch, mark, line and text of each line that has a note."""
    return [
        (number, line.mark, line.line, line.text)
        for number, patch in enumerate(patches, 1)
        for file in patch.files
        for line in file.lines
        if line.notes
    ]


BASE = [f"line {number}" for number in range(1, 41)]


def test_a_patch_is_read_line_by_line() -> None:
    changed = [*BASE[:10], "new", *BASE[11:]]
    (file,) = patch_diff("1.patch", "mm: x", diff(BASE, changed)).files
    assert (file.old, file.new, file.name) == ("mm/vma.c", "mm/vma.c", "mm/vma.c")
    assert [(line.mark, line.text, line.line) for line in file.lines if line.mark in ("+", "-")] == [
        ("-", "line 11", 0),
        ("+", "new", 11),
    ]
    assert [line.mark for line in file.lines[:4]] == ["", "", "", "@"]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n",
        b"no diff at all",
        b"diff --git a/x b/x\nGIT binary patch\nliteral 3\nKcmZQzU|?i`00062\n\n",
        b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n",
        b"--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n cut off",
        b"--- a/x",
        b"@@ -1 +1 @@",
        "diff --git a/\xe4 b/\xe4\n".encode("latin-1"),
    ],
)
def test_no_text_is_lost_or_refused(text: bytes) -> None:
    shown = patch_diff("x", "x", text)
    lines = [
        f"{line.mark if line.mark in '+- ' else ''}{line.text}".encode("utf-8", "surrogateescape")
        for file in shown.files
        for line in file.lines
    ]
    assert b"\n".join(lines) == text.removesuffix(b"\n")


def test_an_added_line_that_looks_like_a_header_is_a_line() -> None:
    (file,) = patch_diff("x", "x", diff(["a"], ["a", "++ b/x", "@@ -1 +1 @@"])).files
    assert [line.text for line in file.lines if line.mark == "+"] == ["++ b/x", "@@ -1 +1 @@"]
    (file,) = patch_diff("x", "x", diff(["a", "-- a/x", "z"], ["a", "z"])).files
    assert [line.text for line in file.lines if line.mark == "-"] == ["-- a/x"]


def test_new_removed_and_renamed_files_have_their_names() -> None:
    added = b"diff --git a/mm/n.c b/mm/n.c\nnew file mode 100644\n--- /dev/null\n+++ b/mm/n.c\n@@ -0,0 +1 @@\n+x\n"
    gone = b"diff --git a/mm/n.c b/mm/n.c\ndeleted file mode 100644\n--- a/mm/n.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
    moved = diff(BASE, BASE, "mm/a.c", new_name="mm/b.c")
    names = [(file.old, file.new) for file in patch_diff("x", "x", added + gone + moved).files]
    assert names == [("", "mm/n.c"), ("mm/n.c", ""), ("mm/a.c", "mm/b.c")]


def test_a_note_follows_its_line_through_later_patches() -> None:
    first = [*BASE[:20], "culprit", *BASE[20:]]
    second = ["early 1", "early 2", *first]
    third = second[1:]
    series = [
        patch_diff(str(number), "", text)
        for number, text in enumerate((diff(BASE, first), diff(first, second), diff(second, third, new_name="mm/w.c")))
    ]
    note = LineNote("mm/w.c", third.index("culprit") + 1, "culprit", "here")
    assert noted(annotated(series, [note])) == [(1, "+", 21, "culprit")]
    behind_first = replace(note, file="mm/vma.c", line=21, patches=1)
    assert noted(annotated(series, [behind_first])) == [(1, "+", 21, "culprit")]


def test_a_line_that_a_later_patch_writes_anew_is_the_later_patchs() -> None:
    first = [*BASE[:20], "x = 1;", *BASE[20:]]
    second = [*BASE[:20], "x = 2;", *BASE[20:]]
    series = [patch_diff("1", "", diff(BASE, first)), patch_diff("2", "", diff(first, second))]
    assert noted(annotated(series, [LineNote("mm/vma.c", 21, "culprit", "here")])) == [(2, "+", 21, "x = 2;")]


def test_the_text_finds_a_line_of_a_hunk_that_git_applied_elsewhere() -> None:
    series = [patch_diff("1", "", diff(BASE, [*BASE[:20], "culprit();", *BASE[20:]]))]
    note = LineNote("mm/vma.c", 24, "culprit", "here", patch=1, text="culprit();")
    assert noted(annotated(series, [note])) == [(1, "+", 21, "culprit();")]
    assert not noted(annotated(series, [replace(note, text="other();")]))
    assert not noted(annotated(series, [replace(note, file="mm/mmap.c")]))


def test_a_culprit_beside_a_change_is_marked_where_the_patch_shows_it() -> None:
    series = [patch_diff("1", "", diff(BASE, [*BASE[:20], "new", *BASE[20:]]))]
    note = LineNote("mm/vma.c", 20, "culprit", "here", text="line 20")
    assert noted(annotated(series, [note])) == [(1, " ", 20, "line 20")]


lines = st.lists(st.sampled_from("abcdefgh"), max_size=12)


@given(st.lists(lines, min_size=2, max_size=5), st.integers(0, 3))
def test_every_line_of_the_last_tree_that_the_series_wrote_is_found(trees: list[list[str]], context: int) -> None:
    """However the series changed its own lines: what is found is an added line with the text that the tree has."""
    series = [
        patch_diff(str(number), "", diff(old, new, context=context))
        for number, (old, new) in enumerate(itertools.pairwise(trees))
    ]
    written = blame(trees)
    for number, text in enumerate(trees[-1], 1):
        found = noted(annotated(series, [LineNote("mm/vma.c", number, "culprit", "here")]))
        if written[number - 1]:
            assert [(patch, mark, shown) for patch, mark, _, shown in found] == [(written[number - 1], "+", text)]
        else:
            assert not found or [(mark, shown) for _, mark, _, shown in found] == [(" ", text)]


def blame(trees: list[list[str]]) -> list[int]:
    """Which patch wrote each line of the last tree, 0 for those of the base; from the same differences."""
    owners = [0] * len(trees[0])
    for patch, (old, new) in enumerate(itertools.pairwise(trees), 1):
        now = []
        for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new).get_opcodes():
            now += owners[i1:i2] if tag == "equal" else [patch] * (j2 - j1)
        owners = now
    return owners
