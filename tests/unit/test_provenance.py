"""The function around a line by the kernel's coding style, and how a place is marked."""

from __future__ import annotations

import pytest

from orchestrator.model.kernel_report import Mark, SourceLine
from orchestrator.parse.logs.provenance import Provenance, function_around, lines_of, placed

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
    assert function_around(FUNCTIONS, line) == ranges[name]


def test_a_written_line_is_marked_and_so_is_its_function() -> None:
    patch = "1/1 mm: a change"
    source = Provenance(
        {"f.c": FUNCTIONS}, {("f.c", 12): patch}, {("f.c", 12): (patch, "other"), ("f.c", 15): (patch,)}
    )
    line = placed(SourceLine("f", "f.c", 12), source)
    assert (line.text, line.mark, line.patches) == ("b++;", Mark.LINE, (patch,))
    assert placed(SourceLine("f", "f.c", 15), source).mark is Mark.FUNCTION
    assert placed(SourceLine("g", "f.c", 20), source) == SourceLine("g", "f.c", 20, "return 1;")
    for place in (SourceLine("g", "other.c", 20), SourceLine("g", "f.c", 99), SourceLine("g", "f.c", 0)):
        assert placed(place, source) == place


def test_lines_are_those_that_git_counts() -> None:
    assert lines_of(b"a\n\nb\n") == lines_of(b"a\n\nb") == [b"a", b"", b"b"]
    assert lines_of(b"") == []
