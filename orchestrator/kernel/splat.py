"""Finds what the kernel reported about itself (splats) in a console or dmesg text.

Only lines with the printk prefix count: a program that prints "Kernel panic" has not panicked the kernel. A line of
another caller (task or CPU, with CONFIG_PRINTK_CALLER) is not part of a report. Clean text is passed over by one
compiled expression, never line by line: logs have hundreds of megabytes.

A program that writes a whole prefix, or writes to /dev/kmsg, can still forge a report.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from orchestrator.kernel.splat_kinds import PREFIX, Kind, Table, load
from orchestrator.kernel.splat_title import has_frame, title
from orchestrator.model import Outcome, Splat

MAX_LINE = 1000  # bytes of a line that are kept
LONGEST_LINE = 1 << 20  # bytes without a newline after which a line is no longer waited for
HOLD_LINES = 200  # a report is held back for so many lines: a panic that follows from it belongs to it
FOREIGN_LINES = 2000  # lines of others after which an open report has ended
PROVISIONAL_LINES = 12  # lines from "cut here" to the line that names the report
PROVISIONAL_GAP_S = 1.0
PANIC_LINES = 100  # lines that a panic may add to the report that it follows from
FULL_TEXTS = 20  # reports of the same title that keep their whole text
SHORT_TEXT = 5  # lines that further ones keep

_LINE = re.compile(PREFIX)


def scan(text: str | bytes, *, has_prefix: bool = True) -> tuple[Splat, ...]:
    """All reports of a text. `has_prefix=False` is for `dmesg -t`: then every line is taken for the kernel's."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    scanner = Scanner(has_prefix=has_prefix)
    return (*scanner.feed(data), *scanner.close())


@dataclass(eq=False)
class _Report:
    caller: bytes | None
    line_start: int
    offset: int
    time_s: float = 0.0
    kinds: list[Kind] = field(default_factory=list)  # empty: only what comes before a report was seen
    lines: list[bytes] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)  # of the lines
    last_offset: int = 0  # of the last line
    ends: re.Pattern[bytes] | None = None
    has_trace: bool = False
    is_crash: bool = False

    @property
    def kind(self) -> Kind:
        return min(self.kinds, key=lambda kind: kind.priority)

    @property
    def line_end(self) -> int:
        return self.numbers[-1] if self.numbers else self.line_start

    @property
    def budget(self) -> int:
        """Lines after which the report is over. A panic that follows from it has its own trace."""
        return self.kind.lines + PANIC_LINES * self.is_crash if self.kinds else PROVISIONAL_LINES


class Scanner:
    """Incremental: feed what a console gives, in pieces of any size, and take the reports that are complete.

    Memory is bounded by the reports that are open. `is_dead` is True as soon as a line says that the kernel panicked.
    """

    def __init__(self, *, has_prefix: bool = True, table: Table | None = None) -> None:
        self.table = table or load()
        self.has_prefix = has_prefix
        self.is_dead = False
        self._candidate = self.table.candidate if has_prefix else self.table.bare_candidate
        self._rest = b""  # the line that is not complete yet
        self._in_long_line = False
        self._offset = 0  # of the first byte of _rest
        self._number = 0  # lines seen
        self._open: dict[bytes | None, _Report] = {}
        self._held: list[_Report] = []
        self._seen: dict[str, int] = {}

    def feed(self, data: bytes) -> list[Splat]:
        """Take the next bytes; gives the reports that are certainly complete."""
        self._rest += data
        end = self._rest.rfind(b"\n") + 1
        if end:
            block, self._rest = self._rest[:end], self._rest[end:]
            self._block(b"\n" + block)
            self._offset += end
        if len(self._rest) > LONGEST_LINE:
            self._offset += len(self._rest)
            self._rest, self._in_long_line = b"", True
        return self._release(HOLD_LINES)

    def idle(self) -> list[Splat]:
        """The console has been quiet: what is open is complete. More may be fed afterwards."""
        for report in list(self._open.values()):
            self._finish(report)
        return self._release(-1)

    def close(self) -> list[Splat]:
        """The end of the log: an incomplete last line counts too."""
        if self._rest:
            self._block(b"\n" + self._rest)
            self._offset += len(self._rest)
            self._rest = b""
        return self.idle()

    def _block(self, block: bytes) -> None:
        """Complete lines, with one newline put before them."""
        at = 1
        if self._in_long_line:
            at = block.find(b"\n", 1) + 1 or len(block)
            self._number += 1
            self._in_long_line = False
        while at < len(block):
            if not self._open:
                found = self._candidate.search(block, at - 1)
                if found is None:
                    self._number += block.count(b"\n", at)
                    return
                self._number += block.count(b"\n", at, found.start() + 1)
                at = found.start() + 1
            end = block.find(b"\n", at) + 1 or len(block)
            self._number += 1
            self._line(block[at:end].rstrip(b"\r\n"), self._offset + at - 1)
            at = end

    # --- line by line, while a report is open

    def _line(self, line: bytes, offset: int) -> None:
        caller: bytes | None = None
        message, time_s = line, 0.0
        if self.has_prefix:
            match = _LINE.match(line)
            if match is None:
                self._expire(None)
                return
            time_s, caller, message = float(match[1]), match[2], line[match.end() :]
            self._expire(time_s)
        message = message[:MAX_LINE]
        report = self._open.get(caller)
        if kind := self._kind(message):
            report = self._start(kind, report, caller, message, offset)
        elif not report and self.table.before.match(message):
            report = self._new(caller, offset)
        elif not report:
            report = next((other for other in self._open.values() if other.kinds and other.kind.all_callers), None)
        if report:
            self._append(report, line, message, offset, time_s)

    def _kind(self, message: bytes) -> Kind | None:
        if not self.table.any_start.match(message):
            return None
        return next(kind for kind, pattern in self.table.starts if pattern.match(message))

    def _start(self, kind: Kind, report: _Report | None, caller: bytes | None, message: bytes, offset: int) -> _Report:
        """A line that starts a report: the report that it belongs to, an open one or a new one."""
        self.is_dead |= kind.is_fatal
        if self.table.folds.match(message) and (cause := self._cause(caller)):
            cause.is_crash = True
            cause.ends = self.table.ends[kind.kind]
            return cause
        if report and report.kinds and (report.has_trace or not any(kind.kind in of.absorbs for of in report.kinds)):
            opener = self._take_back_opener(report)
            self._finish(report)
            report = self._new(caller, offset)
            if opener:
                report.line_start, report.offset, line, message = opener
                report.numbers.append(report.line_start)
                report.lines.append(line)
                report.messages.append(message)
        report = report or self._new(caller, offset)
        report.kinds.append(kind)
        report.ends = self.table.ends[kind.kind]
        return report

    def _cause(self, caller: bytes | None) -> _Report | None:
        """The report that a consequence (a panic after an oops) belongs to: of the same caller, or the last one."""
        recent = [report for report in self._held if self._number - report.line_end <= HOLD_LINES]
        named = [*(report for report in self._open.values() if report.kinds), *recent]
        cause = max(named, key=lambda report: (report.caller == caller, report.line_end), default=None)
        if cause in self._held:
            self._held.remove(cause)
            self._open[cause.caller] = cause
        if cause and cause.caller != caller:  # the panic's own lines follow, and are of its caller
            self._open[caller] = cause
        return cause

    def _take_back_opener(self, report: _Report) -> tuple[int, int, bytes, bytes] | None:
        """When "cut here" was the last line of the report, it belongs to the next one."""
        if len(report.lines) < 2 or not self.table.before.match(report.messages[-1]):
            return None
        return report.numbers.pop(), report.last_offset, report.lines.pop(), report.messages.pop()

    def _new(self, caller: bytes | None, offset: int) -> _Report:
        report = _Report(caller, self._number, offset)
        self._open[caller] = report
        return report

    def _append(self, report: _Report, line: bytes, message: bytes, offset: int, time_s: float) -> None:
        report.lines.append(line[:MAX_LINE])
        report.messages.append(message)
        report.numbers.append(self._number)
        report.last_offset = offset
        report.time_s = max(report.time_s, time_s)
        report.has_trace = report.has_trace or (bool(report.kinds) and has_frame(message))
        is_end = bool(report.kinds) and len(report.lines) > 1 and report.ends is not None and report.ends.match(message)
        if is_end or len(report.lines) >= report.budget:
            self._finish(report)

    def _expire(self, time_s: float | None) -> None:
        """End what has been quiet for too long, on the kernel's clock or in lines of others."""
        for report in list(self._open.values()):
            gap_s = report.kind.gap_s if report.kinds else PROVISIONAL_GAP_S
            is_quiet = time_s is not None and time_s - report.time_s > gap_s
            if is_quiet or self._number - report.line_end > FOREIGN_LINES:
                self._finish(report)

    def _finish(self, report: _Report) -> None:
        mine = [caller for caller, other in self._open.items() if other is report]
        for caller in mine:
            del self._open[caller]
        if report.kinds and mine:
            self._held.append(report)

    # --- giving them out

    def _release(self, hold_lines: int) -> list[Splat]:
        done = [report for report in self._held if self._number - report.line_end > hold_lines]
        self._held = [report for report in self._held if self._number - report.line_end <= hold_lines]
        return [self._splat(report) for report in sorted(done, key=lambda report: report.offset)]

    def _splat(self, report: _Report) -> Splat:
        kind = report.kind
        name = title(kind, [message.decode("utf-8", "replace") for message in report.messages], self.table)
        outcome = Outcome.CRASH if report.is_crash else max(found.outcome for found in report.kinds)
        self._seen[name] = self._seen.get(name, 0) + 1
        lines = report.lines if self._seen[name] <= FULL_TEXTS else report.lines[:SHORT_TEXT]
        return Splat(
            kind=kind.kind,
            title=name,
            outcome=outcome,
            line_start=report.line_start,
            line_end=report.line_end,
            offset=report.offset,
            text=b"\n".join(lines).decode("utf-8", "replace"),
        )
