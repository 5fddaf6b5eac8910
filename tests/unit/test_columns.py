"""Tables that fit the terminal and break no word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.reporters.columns import columns, row_lines, wrapped

ROWS = [("PASS", "fault-vs-munmap", "5 of 5 subtests"), ("FAIL", "gup", "lost a write; and some more words about it")]


def test_a_row_is_a_line_where_it_fits_or_nobody_looks() -> None:
    wide = [
        "PASS  fault-vs-munmap  5 of 5 subtests",
        "FAIL  gup              lost a write; and some more words about it",
    ]
    assert columns(ROWS, None) == columns(ROWS, 80) == wide


def test_the_last_column_is_wrapped_beside_the_others_and_else_below_them() -> None:
    assert row_lines(ROWS, 50, "  ") == [
        ["  PASS  fault-vs-munmap  5 of 5 subtests"],
        [
            "  FAIL  gup              lost a write; and some",
            "                         more words about it",
        ],
    ]
    assert columns(ROWS, 30) == [
        "PASS  fault-vs-munmap",
        "    5 of 5 subtests",
        "FAIL  gup",
        "    lost a write; and some",
        "    more words about it",
    ]


WORD = st.text("abc-/.", min_size=1, max_size=30)
TEXT = st.lists(WORD, max_size=12).map(" ".join)


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=5), st.sampled_from([20, 50, 80, 200]))
def test_no_word_is_broken_or_lost_and_lines_fit(rows: list[tuple[str, ...]], width: int) -> None:
    said = columns(rows, width)
    assert sorted(" ".join(said).split()) == sorted(" ".join(map(" ".join, rows)).split())
    longest = max((len(word) for row in rows for cell in row for word in cell.split()), default=0)
    # a column before the last is not wrapped while the last has room beside it
    assert all(len(line) <= max(width, longest + 4) for line in said)


@pytest.mark.parametrize("text", ["", "x"])
def test_what_is_short_is_one_line_at_most(text: str) -> None:
    assert wrapped(text, 20) == ([text] if text else [])
