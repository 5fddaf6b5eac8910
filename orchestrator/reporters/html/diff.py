"""The patches of a run line by line, with what is known about lines: who is the culprit, what was covered. Pure.

What is known is known about lines of the tree with the series. A line of a patch is followed through the patches behind
it: they move it, or remove it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

_HUNK = re.compile(rb"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_NEAR = 200  # lines by which git may have moved a hunk


@dataclass(frozen=True)
class LineNote:
    """Something known about a line: `file` is a path in the tree, `line` is counted in the tree with the first
    `patches` patches (0: with all). `kind` becomes the line's CSS class. `patch` and `text` are those of the line
    itself, where they are known: they find it even where git applied a hunk elsewhere than it says."""

    file: str
    line: int
    kind: str
    words: str = ""  # shown below the line; empty: the line is only coloured
    anchor: str = ""  # where the page says more about it
    patches: int = 0
    patch: int = 0
    text: str = ""


@dataclass(frozen=True)
class DiffLine:
    """A line of a diff. `mark` is "+", "-" or " ", "@" for the head of a hunk, "" for anything else. `line` is its
    number behind the patch, 0 where it has none."""

    mark: str
    text: str
    line: int = 0
    notes: tuple[LineNote, ...] = ()


@dataclass(frozen=True)
class FileDiff:
    """What a patch does to one file. `old` and `new` are its names, empty where it does not exist."""

    old: str
    new: str
    lines: tuple[DiffLine, ...]

    @property
    def name(self) -> str:
        return self.new or self.old


@dataclass(frozen=True)
class PatchDiff:
    """A patch as it is shown. `name` is that of its file in the run directory."""

    name: str
    subject: str
    files: tuple[FileDiff, ...] = field(repr=False)

    @property
    def added(self) -> int:
        return self._count("+")

    @property
    def removed(self) -> int:
        return self._count("-")

    @property
    def noted(self) -> int:
        """How many lines have words about them."""
        return sum(any(note.words for note in line.notes) for file in self.files for line in file.lines)

    def _count(self, mark: str) -> int:
        return sum(line.mark == mark for file in self.files for line in file.lines)


def patch_diff(name: str, subject: str, text: bytes) -> PatchDiff:
    """A diff that was checked when the run began. What is no diff gives lines without a mark."""
    files: list[FileDiff] = []
    lines: list[DiffLine] = []
    old = new = ""
    left_old = left_new = at = 0
    rows = text.removesuffix(b"\n").split(b"\n")
    for number, raw in enumerate(rows):
        if left_old <= 0 and left_new <= 0:
            is_names = (
                raw.startswith(b"--- ") and rows[number + 1 : number + 2] != [] and rows[number + 1][:4] == b"+++ "
            )
            if raw.startswith(b"diff --git ") or (is_names and _has_hunks(lines)):
                files += _file(old, new, lines)
                lines, (old, new) = [], _git_names(raw)
            if is_names:
                old, new = _name(raw), _name(rows[number + 1])
            if raw.startswith(b"rename from "):
                old = _text(raw[12:])
            if raw.startswith(b"rename to "):
                new = _text(raw[10:])
            if counts := _HUNK.match(raw):
                left_old, left_new = int(counts[2] or 1), int(counts[4] or 1)
                at = int(counts[3])
                lines.append(DiffLine("@", _text(raw)))
            else:
                lines.append(DiffLine("", _text(raw)))
            continue
        mark = _text(raw[:1]) if raw else " "
        if mark == "\\":
            lines.append(DiffLine("", _text(raw)))
            continue
        lines.append(DiffLine(mark, _text(raw[1:]), at if mark != "-" else 0))
        left_old -= mark != "+"
        left_new -= mark != "-"
        at += mark != "-"
    return PatchDiff(name, subject, (*files, *_file(old, new, lines)))


def annotated(patches: Sequence[PatchDiff], notes: Iterable[LineNote]) -> tuple[PatchDiff, ...]:
    """The patches with the notes at the lines that they are about: an added line where the patches have it, else a line
    around a change. Notes about other lines are left out."""
    found: dict[tuple[int, int, int], list[LineNote]] = {}
    finals: dict[int, _Final] = {}
    for note in notes:
        count = note.patches if 0 < note.patches <= len(patches) else len(patches)
        if count not in finals:
            finals[count] = _Final(patches[:count])
        if place := finals[count].find(note):
            found.setdefault(place, []).append(note)
    return tuple(
        replace(patch, files=tuple(_noted(file, number, at, found) for at, file in enumerate(patch.files)))
        for number, patch in enumerate(patches)
    )


def _noted(file: FileDiff, patch: int, at: int, found: Mapping[tuple[int, int, int], Sequence[LineNote]]) -> FileDiff:
    lines = tuple(
        replace(line, notes=tuple(found[patch, at, number])) if (patch, at, number) in found else line
        for number, line in enumerate(file.lines)
    )
    return replace(file, lines=lines)


class _Final:
    """Where the lines of patches are in the tree that has them all."""

    def __init__(self, patches: Sequence[PatchDiff]) -> None:
        self._lines: dict[str, list[tuple[int, int, int, int, DiffLine]]] = {}  # by name: line, patch, file, number
        for number in reversed(range(len(patches))):
            for at, file in enumerate(patches[number].files):
                self._add(patches, number, at, file)

    def _add(self, patches: Sequence[PatchDiff], number: int, at: int, file: FileDiff) -> None:
        lines = {line.line: line.line for line in file.lines if line.line}
        name = file.new
        for later in patches[number + 1 :]:
            for change in later.files:
                if name and change.old == name:
                    lines, name = _moved(lines, change), change.new
                    break
        if not name:
            return
        place = self._lines.setdefault(name, [])
        place += [
            (lines[line.line], number, at, index, line)
            for index, line in enumerate(file.lines)
            if line.line in lines and line.line
        ]

    def find(self, note: LineNote) -> tuple[int, int, int] | None:
        """Patch, file and index of the line that a note is about."""
        text = note.text.strip()
        best = None
        for line, patch, at, index, shown in self._lines.get(note.file, ()):
            if note.patch and patch + 1 != note.patch:
                continue
            if text and shown.text.strip() != text:
                continue
            away = abs(line - note.line)
            if away and not (text and note.patch and away <= _NEAR):
                continue
            rank = (shown.mark != "+", away, -patch)
            if best is None or rank < best[0]:
                best = (rank, (patch, at, index))
        return best[1] if best else None


def _moved(lines: Mapping[int, int], change: FileDiff) -> dict[int, int]:
    """Lines behind a change of their file, those that it removes left out; the keys stay."""
    kept: dict[int, int] = {}  # old -> new, of the lines in hunks
    spans: list[tuple[int, int, int]] = []  # first and last old line of a hunk, and by how much the lines behind move
    old = new = first = 0
    for line in change.lines:
        if line.mark == "@":
            if first:
                spans.append((first, old - 1, new - old))
            counts = _HUNK.match(line.text.encode("utf-8", "surrogateescape"))
            assert counts is not None
            # of a side without lines the head names the line before it
            old, new = int(counts[1]) + (counts[2] == b"0"), int(counts[3]) + (counts[4] == b"0")
            first = old
        elif line.mark == "-":
            old += 1
        elif line.mark == "+":
            new += 1
        elif line.mark == " ":
            kept[old] = new
            old, new = old + 1, new + 1
    if first:
        spans.append((first, old - 1, new - old))
    moved = {}
    for key, line_now in lines.items():
        shift, is_inside = 0, False
        for begin, end, by in spans:
            if line_now < begin:
                break
            if line_now <= end:
                is_inside = True
                break
            shift = by
        if is_inside:
            if line_now in kept:
                moved[key] = kept[line_now]
        else:
            moved[key] = line_now + shift
    return moved


def _has_hunks(lines: Iterable[DiffLine]) -> bool:
    return any(line.mark == "@" for line in lines)


def _file(old: str, new: str, lines: Sequence[DiffLine]) -> list[FileDiff]:
    return [FileDiff(old, new, tuple(lines))] if lines else []


def _git_names(raw: bytes) -> tuple[str, str]:
    """Of a `diff --git` line whose two names are the same; what it says otherwise is said again below it."""
    names = _text(raw.removeprefix(b"diff --git ")) if raw.startswith(b"diff --git ") else ""
    middle = len(names) // 2
    old, new = names[:middle], names[middle + 1 :]
    return (old[2:], new[2:]) if old[2:] == new[2:] and old.startswith("a/") else ("", "")


def _name(raw: bytes) -> str:
    """Of a `---` or `+++` line; empty for /dev/null."""
    name = _text(raw[4:]).partition("\t")[0].rstrip().strip('"')
    return "" if name == "/dev/null" else name.partition("/")[2]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
