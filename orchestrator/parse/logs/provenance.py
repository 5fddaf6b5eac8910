"""A decoded place -> the same with its source line and the patch behind it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.model.kernel_report import Mark, SourceLine

MAX_TEXT = 200  # characters of a source line that are kept
_HEAD_LINES = 12  # a function's name, type and parameters take no more


@dataclass(frozen=True)
class Provenance:
    """The tree under test, as far as it was asked for. Patches are named `6/9 SUBJECT`, in the order in which they
    apply; lines are those of places, counted from 1."""

    texts: Mapping[str, Sequence[bytes]]
    writers: Mapping[tuple[str, int], str]  # file and line -> the patch that wrote it
    changers: Mapping[tuple[str, int], tuple[str, ...]]  # file and line -> those that changed the function around it


def placed(place: SourceLine, source: Provenance) -> SourceLine:
    """The place with its text, and marked when the series wrote the line or changed the function around it."""
    texts = source.texts.get(place.file, ())
    if not 1 <= place.line <= len(texts):
        return place
    shown = replace(place, text=" ".join(texts[place.line - 1].decode("utf-8", "replace").split())[:MAX_TEXT])
    at = (place.file, place.line)
    if writer := source.writers.get(at):
        return replace(shown, mark=Mark.LINE, patches=(writer,))
    if changers := source.changers.get(at):
        return replace(shown, mark=Mark.FUNCTION, patches=changers)
    return shown


def in_tree(path: str) -> str:
    """The name inside the kernel tree of a file in debug information: Kbuild calls the source `..` from where it
    compiles."""
    plain = posixpath.normpath(path)
    while plain.startswith("../"):
        plain = plain.removeprefix("../")
    return plain


def lines_of(text: bytes) -> list[bytes]:
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
