"""Finds lines that look like a kernel report's and were not read, as nothing tells that the kernel said them.

They are what tells a clean log from one in a form that cannot be read.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from orchestrator.model.kernel_report import KernelReport
from orchestrator.parse.logs.log_format import Format

_WORDS = (b"+0x", b"Call Trace:", b"Call trace:", b" Comm: ")  # one of which such a line has
_LOOKS = re.compile(rb"""[^"'`\n]*(?:\+0x[0-9a-f]+/0x[0-9a-f]+|Call [Tt]race:|CPU: \d+ [^\n]{0,40}PID: \d+ Comm: )""")
_END = b"---[ end trace"  # with which no more than warnings and oopses end
_MOST = 1000  # lines that are counted
_FEWEST = 2  # one may be quoted
_LONGEST = 1000  # bytes of a line that are looked at


class Unread:
    """Feed complete lines, ask for those outside of the reports that were found."""

    def __init__(self, form: Format) -> None:
        self._form = form
        self._numbers: list[int] = []
        self._seen = 0  # lines
        self._first_end = 0  # the number of the first line that ends a report
        self._is_end_read = False  # it is the kernel's
        self._has_read = False  # the form's own lines look like that too, so that it is no wrong guess

    def feed(self, lines: bytes) -> None:
        """Take the next lines."""
        found = {at for word in _WORDS for at in _starts(lines, word, _MOST - len(self._numbers))}
        at, number = 0, self._seen + 1
        for start in sorted(found):
            number += lines.count(b"\n", at, start)
            at = start
            line = lines[start : start + _LONGEST].partition(b"\n")[0]
            if _LOOKS.match(line):
                is_read = self._form.is_marked and bool(self._form.pieces(line))
                self._has_read |= is_read
                self._numbers += [] if is_read else [number]
        if not self._first_end and (end := lines.find(_END)) >= 0:
            self._first_end = self._seen + lines.count(b"\n", 0, end) + 1
            self._is_end_read = bool(self._form.pieces(lines[lines.rfind(b"\n", 0, end) + 1 : end + len(_END)]))
        self._seen += lines.count(b"\n")

    def outside(self, reports: Sequence[KernelReport]) -> tuple[int, ...]:
        """Numbers of lines that are in none of the reports, from 1.

        None if they are too few to mean anything, or if the form is surely that of the kernel's lines: then a program
        said them.
        """
        if self._form.is_marked and (reports or self._has_read):
            return ()
        ranges = sorted((report.line_start, report.line_end) for report in reports)
        starts = [start for start, _ in ranges]
        ends = [0, *accumulate((end for _, end in ranges), max)]  # the last of the reports that began before each
        found = [number for number in self._numbers if ends[bisect_right(starts, number)] < number]
        return tuple(found) if len(found) >= _FEWEST else ()

    def cut_at(self, reports: Sequence[KernelReport]) -> int:
        """The line that ends a report whose beginning is not in the log: the kernel's buffer had wrapped. 0 if the
        log does not begin within a report."""
        is_first = not any(report.line_start <= self._first_end for report in reports)
        return self._first_end if self._is_end_read and is_first else 0


def _starts(lines: bytes, word: bytes, most: int) -> list[int]:
    """Where the lines with the word begin."""
    found: list[int] = []
    at = lines.find(word)
    while at >= 0 and len(found) < most:
        found.append(lines.rfind(b"\n", 0, at) + 1)
        end = lines.find(b"\n", at)
        at = lines.find(word, end) if end >= 0 else -1
    return found
