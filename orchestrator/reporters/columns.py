"""Rows of words in columns that fit the terminal and break no word. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

GAP = "  "
LEAST = 24  # characters that the last column must have to stand beside the others
WIDEST = 60  # of any other column; what is longer pushes the rest of its line to the right
INDENT = " " * 4


def columns(rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """The lines of a table. `width` None: no terminal, a line for each row."""
    return [line for lines in row_lines(rows, width) for line in lines]


def row_lines(rows: Sequence[Sequence[str]], width: int | None, margin: str = "") -> list[list[str]]:
    """The lines of each row, with a margin at their left. The last column is the one that is wrapped; where it has no
    room beside the others, it goes below them."""
    count = max(map(len, rows), default=0)
    full = [[*row, *[""] * (count - len(row))] for row in rows]
    widest = WIDEST if width is None else min(WIDEST, width // 3)
    widths = [min(widest, max(len(row[at]) for row in full)) for at in range(count - 1)]
    room = None if width is None else width - len(margin) - sum(size + len(GAP) for size in widths)
    return [_row(row, widths, room, width, margin) for row in full]


def _row(row: Sequence[str], widths: Sequence[int], room: int | None, width: int | None, margin: str) -> list[str]:
    """`room` is what the last column has beside the others."""
    cells = [f"{cell:<{size}}" for cell, size in zip(row[:-1], widths, strict=True)]
    line = (margin + GAP.join([*cells, row[-1]])).rstrip()
    if width is None or room is None or (len(line) <= width and room >= LEAST):
        return [line]
    longest = max(map(len, row[-1].split()), default=0)
    is_even = all(len(cell) <= size for cell, size in zip(row[:-1], widths, strict=True))
    if is_even and room >= max(LEAST, longest):
        return wrapped(row[-1], width, margin + GAP.join([*cells, ""]), " " * (width - room))
    above = GAP.join(cell.strip() for cell in row[:-1] if cell.strip())
    below = margin + INDENT
    if len(short := margin + GAP.join([above, row[-1]])) <= width:
        return [short.rstrip()]
    return [*wrapped(above, width, margin, below), *wrapped(row[-1], width, below, below)]


def wrapped(text: str, width: int | None, first: str = "", others: str = "") -> list[str]:
    """The text in lines of at most `width` characters, unless a word is longer."""
    if width is None or len(first) + len(text) <= width:
        return [f"{first}{text}".rstrip()] if text else []
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
    )
