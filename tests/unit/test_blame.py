"""Who wrote a line: checked against series of which every line says who wrote it."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.evidence import blame
from orchestrator.model.kernel_report import Mark, Place
from orchestrator.parse.provenance import Source, placed


def unified(old: list[str], new: list[str], names: tuple[str, str] = ("a/f.c", "b/f.c")) -> bytes:
    lines = list(difflib.unified_diff(old, new, *names, lineterm=""))
    return ("\n".join(lines) + "\n").encode() if lines else b""


def file(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


@st.composite
def series(draw: st.DrawFn) -> tuple[list[str], list[bytes], list[str]]:
    """A base, diffs, and the result, in which every line names its writer: `base 7`, `patch 2 line 5`."""
    base = [f"base {number}" for number in range(draw(st.integers(0, 40)))]
    current, diffs = base, []
    for patch in range(draw(st.integers(1, 4))):
        new = list(current)
        for edit in range(draw(st.integers(1, 4))):
            at = draw(st.integers(0, len(new)))
            gone = draw(st.integers(0, 3))
            more = draw(st.integers(0, 3))
            new[at : at + gone] = [f"patch {patch} line {edit}.{n} {at}" for n in range(more)]
        diffs.append(unified(current, new))
        current = new
    return base, diffs, current


@given(series(), st.integers(0, 5))
def test_every_line_has_its_writer_also_when_the_base_has_moved(
    made: tuple[list[str], list[bytes], list[str]], ahead: int
) -> None:
    base, diffs, result = made
    moved = [f"base before {number}" for number in range(ahead)] if base else []
    found = blame.history("f.c", diffs)
    if found is None:
        assert base == result
        return
    lines = blame.blame(file(moved + base), found)
    assert lines is not None
    # a diff of a file's first lines has no context before them, and finds its place all the same
    if ahead == 0:
        assert [line.text.decode() for line in lines] == result
    for line in lines:
        words = line.text.decode().split()
        assert line.writer == (None if words[0] == "base" else int(words[1]))


def test_a_hunk_that_does_not_apply_is_no_answer() -> None:
    found = blame.history("f.c", [unified(["a", "b", "c"], ["a", "x", "c"])])
    assert found
    assert blame.blame(b"something\nelse\n", found) is None
    assert blame.history("other.c", [unified(["a"], ["b"])]) is None


def test_new_and_renamed_files_are_followed() -> None:
    new = b"diff --git a/n.c b/n.c\nnew file mode 100644\n--- /dev/null\n+++ b/n.c\n@@ -0,0 +1,2 @@\n+one\n+two\n"
    move = (
        b"diff --git a/n.c b/m.c\nsimilarity index 50%\nrename from n.c\nrename to m.c\n"
        b"--- a/n.c\n+++ b/m.c\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n"
    )
    found = blame.history("m.c", [new, move])
    assert found
    lines = blame.blame(b"", found)
    assert lines
    assert [(line.text, line.writer) for line in lines] == [(b"one", 0), (b"three", 1)]
    assert blame.history("n.c", [new, b"diff --git a/x b/x\n"]) is not None


FUNCTIONS = b"""\
#include <a.h>

struct s {
	int a;
};

/* what f does */
static int f(int a,
		int b)
{
	if (a) {
		b++;
	}
out:
	return b;
}

int g(void)
{
	return 1;
}
EXPORT_SYMBOL(g);
""".splitlines()


@pytest.mark.parametrize(
    ("line", "name"),
    [
        *((number, None) for number in (1, 4, 17, 22, 99)),
        *((number, "f") for number in (8, 9, 10, 12, 14, 16)),
        *((number, "g") for number in (18, 20, 21)),
    ],
)
def test_the_function_around_a_line(line: int, name: str | None) -> None:
    ranges = {"f": range(8, 17), "g": range(18, 22), None: None}
    assert blame.function_around(FUNCTIONS, line) == ranges[name]


def source(diff: bytes) -> Source:
    found = blame.history("f.c", [diff])
    assert found
    lines = blame.blame(b"\n".join(FUNCTIONS) + b"\n", found)
    assert lines
    return Source({"f.c": [line.text for line in lines]}, {"f.c": lines}, ("1/1 mm: a change",))


def test_a_written_line_is_marked_and_so_is_its_function() -> None:
    old = [line.decode() for line in FUNCTIONS]
    new = [line.replace("b++", "b--") for line in old]
    seen = source(unified(old, new))
    line = placed(Place("f", "f.c", 12), seen)
    assert (line.text, line.mark, line.patches) == ("b--;", Mark.LINE, ("1/1 mm: a change",))
    assert placed(Place("f", "f.c", 15), seen).mark is Mark.FUNCTION
    assert placed(Place("g", "f.c", 20), seen) == Place("g", "f.c", 20, "return 1;")
    assert placed(Place("g", "other.c", 20), seen) == Place("g", "other.c", 20)


def test_a_function_that_only_lost_a_line_was_changed() -> None:
    old = [line.decode() for line in FUNCTIONS]
    seen = source(unified(old, [line for line in old if "b++" not in line]))
    assert placed(Place("f", "f.c", 14), seen).mark is Mark.FUNCTION
    assert placed(Place("g", "f.c", 19), seen).mark is Mark.NONE
