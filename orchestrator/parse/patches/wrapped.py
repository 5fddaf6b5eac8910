"""Lines of a diff that a mail client wrapped: which are, and what they were. Pure.

A client that wraps leaves the first part of a line with its mark (`+`, `-`, a space), and the rest begins with none. It
breaks at a space, which is gone, or is left at the end of the first part (format=flowed).
"""

from __future__ import annotations

from enum import Enum

NARROWEST, WIDEST = 60, 100  # columns at which clients wrap; a tab may count as eight
_TAB = 8
_MARKS = (b" ", b"+", b"-", b"\\", b"@@ -", b"diff -", b"Index: ", b"Only in ", b"Binary files ", b"GIT binary ")
_ENDS = (b"@@ -", b"diff --git ", b"--- ", b"-- ")  # a line that no rest of another one is before


class Rest(Enum):
    """What a line without a mark is."""

    OTHER = "nothing that is known"
    WRAPPED = "the rest of the line before it"
    SOFT_BREAK = "the rest of a line of quoted-printable text that was not decoded"


def rest_of(before: bytes, line: bytes) -> Rest:
    """What a line is that stands in a hunk, or right behind one, after the line `before`."""
    if not line.strip() or line.startswith(_MARKS):
        return Rest.OTHER
    if before.endswith(b"=") and 70 <= len(before) <= 76:
        return Rest.SOFT_BREAK
    word = line.split(None, 1)[0]
    width, longest = len(before.rstrip()), len(before.rstrip().expandtabs(_TAB))
    fits = longest + 1 + len(word) <= NARROWEST
    return Rest.OTHER if fits or width > WIDEST else Rest.WRAPPED


def ends_hunk(line: bytes) -> bool:
    """Whether a line is what comes behind a hunk."""
    return line.startswith(_ENDS)


def joined(before: bytes, rest: bytes) -> bytes:
    """The line as it was."""
    return before + rest if before.endswith(b" ") else before + b" " + rest
