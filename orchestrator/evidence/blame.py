"""Which patch of a series wrote a line, and which patches changed a function: the series applied again, with memory.

`git apply` moves a hunk to where its context is, so that the line numbers in a diff do not settle where a line went.
Here the hunks are applied to the base's text in the same way; the caller compares the result with the tree that was
built, and where they differ nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_HUNK = re.compile(rb"@@ -(?P<old>\d+)(?:,(?P<old_count>\d+))? \+(?P<new>\d+)(?:,(?P<new_count>\d+))? @@")
_HEAD_LINES = 12  # a function's name, type and parameters take no more


@dataclass(frozen=True)
class Line:
    """A line of the last version of a file. Patches are counted from 0."""

    text: bytes
    writer: int | None = None  # the patch that wrote it; None: the base has it
    removers: frozenset[int] = frozenset()  # patches that removed lines directly before it


@dataclass(frozen=True)
class _Hunk:
    at: int  # index of its first line in the new file, as the diff says
    lines: tuple[tuple[bytes, bytes], ...]  # mark (space, + or -) and text

    @property
    def old(self) -> list[bytes]:
        return [text for mark, text in self.lines if mark != b"+"]


@dataclass(frozen=True)
class _FileDiff:
    old: str
    new: str
    hunks: tuple[_Hunk, ...]


@dataclass(frozen=True)
class History:
    """What a series does to a file. `base_file` is its name in the base: the series may have moved it."""

    base_file: str
    steps: tuple[tuple[int, _FileDiff], ...]


def history(file: str, diffs: Sequence[bytes]) -> History | None:
    """Of the file that has this name after the last of the diffs; None when the series does not touch it."""
    steps: list[tuple[int, _FileDiff]] = []
    name = file
    for number in reversed(range(len(diffs))):
        for part in _file_diffs(diffs[number]):
            if part.new == name:
                steps.append((number, part))
                name = part.old
                break
    return History(name, tuple(reversed(steps))) if steps else None


def blame(base: bytes, of: History) -> tuple[Line, ...] | None:
    """The lines of the file after the series; None when a hunk does not apply to the base's text."""
    lines = [Line(text) for text in split(base)]
    for number, part in of.steps:
        moved = 0  # how far from where the diff says the hunk before was found
        for hunk in part.hunks:
            old = hunk.old
            at = _find(lines, old, hunk.at + moved)
            if at is None:
                return None
            moved = at - hunk.at
            lines[at : at + len(old) + 1] = _replaced(lines[at : at + len(old) + 1], hunk, number)
    return tuple(lines)


def split(text: bytes) -> list[bytes]:
    """Lines without their ends."""
    lines = text.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


def function_around(lines: Sequence[bytes], number: int) -> range | None:
    """Numbers (from 1) of the lines of the function that holds a line; None when it is in none.

    By the kernel's coding style: a function's braces stand alone in the first column, its head follows an empty line.
    """
    if not 1 <= number <= len(lines):
        return None
    at = number - 1
    opening = next((i for i in range(at, -1, -1) if lines[i].startswith((b"{", b"}"))), None)
    if opening is None or (lines[opening].startswith(b"}") and opening != at):  # before its body: in its head?
        ahead = range(at, min(at + _HEAD_LINES, len(lines)))
        opening = next((i for i in ahead if not lines[i].strip() or lines[i].startswith((b"{", b"}", b"#"))), None)
    elif opening == at and lines[at].startswith(b"}"):
        opening = next((i for i in range(at - 1, -1, -1) if lines[i].startswith((b"{", b"}"))), None)
    if opening is None or not lines[opening].startswith(b"{"):
        return None
    closing = next((i for i in range(opening, len(lines)) if lines[i].startswith(b"}")), None)
    if closing is None:
        return None
    head = opening
    while head > 0 and opening - head < _HEAD_LINES and lines[head - 1].strip():
        if lines[head - 1].startswith((b"}", b"#", b"/*", b" *")):
            break
        head -= 1
    return range(head + 1, closing + 2)


def changed_by(lines: Sequence[Line], numbers: range) -> tuple[int, ...]:
    """The patches that wrote or removed lines among these, in their order."""
    found: set[int] = set()
    for number in numbers:
        line = lines[number - 1]
        if number > numbers.start:
            found |= line.removers
        if line.writer is not None:
            found.add(line.writer)
    return tuple(sorted(found))


def _replaced(before: Sequence[Line], hunk: _Hunk, number: int) -> list[Line]:
    """The lines of a hunk after it was applied, and the one behind them, which remembers what was removed there."""
    new: list[Line] = []
    queue = iter(before)
    removers: frozenset[int] = frozenset()

    def put(line: Line) -> None:
        nonlocal removers
        new.append(Line(line.text, line.writer, line.removers | removers) if removers else line)
        removers = frozenset()

    for mark, text in hunk.lines:
        if mark == b"+":
            put(Line(text, number))
        elif mark == b"-":
            removers |= next(queue).removers | {number}
        else:
            put(next(queue))
    for line in queue:
        put(line)
    return new


def _find(lines: Sequence[Line], old: Sequence[bytes], expected: int) -> int | None:
    """Where a hunk's old lines are, nearest to where they are expected."""
    last = len(lines) - len(old)
    for distance in range(max(expected, last - expected, 0) + 1):
        for at in dict.fromkeys((expected - distance, expected + distance)):
            if 0 <= at <= last and all(lines[at + i].text == text for i, text in enumerate(old)):
                return at
    return None


def _file_diffs(diff: bytes) -> Iterator[_FileDiff]:
    """The parts of a checked diff (kernel/diff.py), one for each file that still exists after it."""
    old = new = ""
    hunks: list[_Hunk] = []
    lines = split(diff)
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith(b"diff --git ") or (line.startswith(b"--- ") and hunks):
            if new and new != "/dev/null":
                yield _FileDiff(old, new, tuple(hunks))
            old, new, hunks = "", "", []
        if line.startswith((b"rename from ", b"copy from ")):
            old = _name(line.partition(b" from ")[2])
        elif line.startswith((b"rename to ", b"copy to ")):
            new = _name(line.partition(b" to ")[2])
        elif line.startswith(b"--- "):
            old = _stripped(line[4:])
        elif line.startswith(b"+++ "):
            new = _stripped(line[4:])
        elif match := _HUNK.match(line):
            hunk, at = _hunk(lines, at + 1, match)
            hunks.append(hunk)
            continue
        at += 1
    if new and new != "/dev/null":
        yield _FileDiff(old, new, tuple(hunks))


def _hunk(lines: Sequence[bytes], at: int, header: re.Match[bytes]) -> tuple[_Hunk, int]:
    """A hunk whose first line is at an index, and the index behind it."""
    old, new = int(header["old_count"] or 1), int(header["new_count"] or 1)
    first = int(header["new"]) - (new > 0)  # one that leaves no line says behind which line it is
    found: list[tuple[bytes, bytes]] = []
    while (old > 0 or new > 0) and at < len(lines):
        mark, text = lines[at][:1] or b" ", lines[at][1:]
        if mark != b"\\":
            found.append((mark, text))
            old -= mark != b"+"
            new -= mark != b"-"
        at += 1
    return _Hunk(first, tuple(found)), at


def _stripped(name: bytes) -> str:
    """A name of a `---` or `+++` line, without a time behind it and without its first directory."""
    plain = _name(name.partition(b"\t")[0])
    return plain if plain == "/dev/null" else plain.partition("/")[2]


def _name(name: bytes) -> str:
    return name.rstrip().decode("utf-8", "surrogateescape")
