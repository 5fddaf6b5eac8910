"""What the kernel reported, and which source lines that refers to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from orchestrator.model.outcome import Outcome

UNLOCKED_WRITE = "unlocked-write"  # the kind of what we say in a console, and not the kernel (guest/vma_writes.py)


class Mark(Enum):
    """How the series relates to a source line."""

    NONE = "none"
    FUNCTION = "function"  # it changed another line of the same function
    LINE = "line"  # it wrote this line


@dataclass(frozen=True)
class SourceLine:
    """A source line that a kernel report refers to. `file` is its path in the kernel tree."""

    function: str
    file: str
    line: int
    text: str = ""  # the line itself; empty where the tree is not at hand
    mark: Mark = Mark.NONE
    patches: tuple[str, ...] = ()  # "6/9 SUBJECT": the patch that wrote the line, or those that changed the function


@dataclass(frozen=True)
class Frame:
    """A `function+0xoffset/0xsize` of a kernel report. `line` is counted from 1 in the report's text."""

    line: int
    function: str  # as the kernel printed it
    offset: int
    size: int
    is_reliable: bool = True  # False: marked "?", found on the stack but perhaps of an earlier call
    places: tuple[SourceLine, ...] = ()  # the innermost inlined function first; empty where it could not be decoded


@dataclass(frozen=True)
class Stack:
    """Frames of a kernel report, the innermost first, as printed: func+0x14/0xa0."""

    name: str  # trace (what was running), alloc, free, queued, stored, local, variable, locked
    frames: tuple[str, ...]


@dataclass(frozen=True)
class KernelReport:
    """One kernel report. Line numbers are 1-based in the scanned text; `offset` is the byte where it starts."""

    kind: str
    title: str
    outcome: Outcome  # FAIL or CRASH; PASS for what is worth showing and is no failure (an OOM kill)
    line_start: int
    line_end: int
    offset: int
    text: str = field(repr=False)
    frame: str = ""  # the culprit function
    corrupted: bool = False  # cut off, or lines of it are lost
    damage: str = ""  # why it is corrupted
    alternatives: tuple[str, ...] = ()  # other titles that the same bug may have
    task: str = ""  # who was at work, as far as the report says so
    pid: int | None = None
    cpu: int | None = None
    time_s: float | None = None  # the log's own clock at its first line
    stacks: tuple[Stack, ...] = field(default=(), repr=False)
    known: str = ""  # why it is no failure: a known issue, or what the case expects
    frames: tuple[Frame, ...] = field(default=(), repr=False)
    file: str = ""  # path relative to the run directory: the whole report, decoded

    @property
    def label(self) -> str:
        """The title; for a known or expected report also why it is no failure."""
        return f"{self.title} (known: {self.known})" if self.known else self.title


@dataclass(frozen=True)
class LogReport:
    """The kernel reports in a log file. `error` says why the file, or the rest of it, could not be read."""

    file: str
    form: str = ""  # in which form the log is kept: parse/logs/log_format.py
    is_marked: bool = True  # the form tells the kernel's lines from others
    reports: tuple[KernelReport, ...] = ()
    unread: tuple[
        int, ...
    ] = ()  # lines (from 1) outside of the reports that look like a report's: parse/logs/log_unread.py
    cut_at: int = 0  # the line (from 1) that ends a report whose beginning is not in the log
    error: str = ""

    @property
    def is_doubtful(self) -> bool:
        """It may have reports that could not be read."""
        return bool(self.cut_at) or (bool(self.unread) and not self.is_marked)


@dataclass(frozen=True)
class KnownIssue:
    """A known kernel report: it is shown, and it is no failure."""

    title: str  # expression for the whole title
    link: str  # where it is dealt with
    expires: str  # YYYY-MM-DD: from the day after on it counts again
    kconfigs: tuple[str, ...] = ()  # fragments, one of which the kernel must have; empty: any kernel
    base: str = ""  # kernel versions, both ends included: 6.10..6.12, 6.12, ..6.12; empty: any
