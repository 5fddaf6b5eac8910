"""Finds kernel reports in the text of a console or dmesg.

Only lines with the kernel's prefix count (log_format): a program that prints "Kernel panic" has panicked nothing. A
line of another caller (task or CPU, with CONFIG_PRINTK_CALLER) is not part of a report. One compiled expression skips
clean text, never line by line: logs have hundreds of megabytes. A program that writes a whole prefix, or writes to
/dev/kmsg, can still forge a report.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Sequence

from orchestrator.model.kernel_report import KernelReport
from orchestrator.parse.logs.log_format import HEADLESS, MARGIN, PRINTK, Format
from orchestrator.parse.logs.report_facts import MAX_LINE, SHORT_TEXT, Line, Reading, Report
from orchestrator.parse.logs.report_kinds import KindTable, ReportKind, load_kinds

LONGEST_LINE = 1 << 20  # bytes without a newline after which a line is no longer waited for
HOLD_LINES = 200  # a report is held back for so many lines: a panic that follows from it belongs to it
CONTINUATION = b" " * 8  # what a line has instead of a prefix that is of the same message as the one before it
FOREIGN_LINES = 2000  # lines of others after which an open report has ended
MOST_OPEN = 32  # reports at a time: one of each task or CPU that speaks
FULL_TEXTS = 20  # reports of the same title that keep their whole text
FLOOD_LINES = 5  # of a report that is recognised when it comes again
FLOOD_TEXTS = 1000  # such reports that are read; those of a text that comes after so many others are only counted
NESTING = 4  # reports within one another that are followed


def scan(text: str | bytes, form: Format = PRINTK) -> tuple[KernelReport, ...]:
    """All reports of a text, in the order of their first lines."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    scanner = Scanner(form)
    return tuple(sorted([*scanner.feed(data), *scanner.close()], key=lambda kernel_report: kernel_report.offset))


class _Starts:
    """Where in a block something may begin. Each thing is looked for once over each byte, whatever the others find."""

    def __init__(self, block: bytes, looked_for: Sequence[re.Pattern[bytes] | bytes]) -> None:
        self._block = block
        self._found = dict.fromkeys(looked_for, -1)  # the next place of each; len(block): there is none

    def after(self, at: int) -> int | None:
        """The next byte from `at` on in whose line something may begin."""
        for what, found in self._found.items():
            if found < at:
                self._found[what] = self._find(what, at)
        first = min(self._found.values())
        return first if first < len(self._block) else None

    def _find(self, what: re.Pattern[bytes] | bytes, at: int) -> int:
        if isinstance(what, bytes):
            found = self._block.find(what, at)
            return found if found >= 0 else len(self._block)
        match = what.search(self._block, at - 1)  # with the end of the line before
        return match.end() - 1 if match else len(self._block)


class Scanner:
    """Incremental: feed what a console gives, in pieces of any size, and take the reports that are complete.

    Memory is bounded by the reports that are open. `is_dead` is True as soon as a line says that the kernel panicked.
    """

    def __init__(self, form: Format = PRINTK, table: KindTable | None = None) -> None:
        self.table = table or load_kinds()
        self.form = form
        self.is_dead = False
        # a report may begin in a line that lost its prefix, in a file that somebody cut out of a log
        self._may_lack_prefix = form.is_marked and not form.is_strict
        tails = (form.tail, rb"\n" + HEADLESS.pattern) if self._may_lack_prefix else (form.tail,)
        self._looked_for: tuple[re.Pattern[bytes] | bytes, ...] = (
            *map(self.table.candidate, tails),
            *self.table.contains,
        )
        self._unclaimed: Line | None = None  # such a line, until the next one tells whether it was the kernel's
        self._rest = bytearray()  # the line that is not complete yet
        self._in_long_line = False
        self._offset = 0  # of the first byte of _rest
        self._number = 0  # lines seen
        self._has_booted = False
        self._said_farewell = False
        self._open: dict[bytes | None, Report] = {}
        self._until_s, self._until_line = -math.inf, 0  # until then no open report ends by itself
        self._held: list[Report] = []
        self._room = HOLD_LINES  # for reports that are held, before they are looked through
        self._ready: list[KernelReport] = []
        self._seen: dict[str, int] = {}
        self._known: dict[tuple[object, ...], Reading] = {}

    def feed(self, data: bytes) -> list[KernelReport]:
        """Take the next bytes; gives the reports that are certainly complete."""
        end = data.rfind(b"\n") + 1
        if end:
            block = b"\n" + self._rest + data[:end]
            self._rest = bytearray(data[end:])
            self._block(block)
            self._offset += len(block) - 1
        else:
            self._rest += data
        if len(self._rest) > LONGEST_LINE:
            self._offset += len(self._rest)
            self._rest, self._in_long_line = bytearray(), True
        return self._release(HOLD_LINES)

    def flush(self) -> list[KernelReport]:
        """The console has been quiet, so open reports are complete. More may be fed afterwards."""
        for report in list(self._open.values()):
            self._finish(report)
        return self._release(-1)

    def so_far(self) -> list[KernelReport]:
        """What `close` would return if the log ended here. Does not change the scanner."""
        shared = (self.table, self.form, self._known, self._looked_for)
        return copy.deepcopy(self, {id(one): one for one in shared}).close()

    def close(self) -> list[KernelReport]:
        """The end of the log: an incomplete last line counts too."""
        if self._rest:
            self._block(b"\n" + self._rest)
            self._offset += len(self._rest)
            self._rest = bytearray()
        last = self._open.values() if self.form.is_marked or self.form.has_margin else ()
        for report in last:
            if report.kinds and report.kind.is_fatal and not any(line.message.strip() for line in report.lines[1:]):
                report.is_doubtful = False  # nothing came after it, as after no program's words
        return self.flush()

    def _block(self, block: bytes) -> None:
        """Complete lines, with one newline put before them."""
        at = 1
        if self._in_long_line:
            at = block.find(b"\n", 1) + 1 or len(block)
            self._number += 1
            self._in_long_line = False
        starts = _Starts(block, self._looked_for)
        while at < len(block):
            if not self._open and not self._unclaimed:
                found = starts.after(at)
                if found is None:
                    self._number += block.count(b"\n", at)
                    return
                start = max(at, block.rfind(b"\n", 0, found) + 1)
                self._number += block.count(b"\n", at, start)
                at = start
            end = block.find(b"\n", at) + 1 or len(block)
            self._number += 1
            self._line(block[at:end].rstrip(b"\r\n"), self._offset + at - 1)
            at = end

    # --- line by line, while a report is open

    def _line(self, text: bytes, offset: int) -> None:
        pieces = self.form.pieces(text)
        unclaimed, self._unclaimed = self._unclaimed, None
        if not pieces:
            self._unprefixed(text, offset)
            return
        for at, (start, match) in enumerate(pieces):
            end = pieces[at + 1][0] if at + 1 < len(pieces) else len(text)
            found, first = match.groupdict(), match.end()
            line = Line(
                text=text[start:end],
                message=text[first : min(end, first + MAX_LINE)],
                number=self._number,
                offset=offset + start,
                time_s=self.form.time_s(found),
                caller=found.get("caller"),
                is_doubtful=start > 0 or not self.form.is_marked,
            )
            if unclaimed:
                self._take(unclaimed._replace(time_s=line.time_s, caller=line.caller))
            unclaimed = None
            self._take(self._without_margin(line) if self.form.has_margin else line)

    def _unprefixed(self, text: bytes, offset: int) -> None:
        """A line without a prefix in a log that has them: a program's, usually."""
        if not self._may_lack_prefix:
            self._expire(None)
            return
        message = text[HEADLESS.match(text).end() :]  # type: ignore[union-attr]  # it matches everything
        line = Line(text, message[:MAX_LINE], self._number, offset, None, None, is_doubtful=True, is_notable=True)
        last = next((report for report in self._open.values() if report.line_end == self._number - 1), None)
        if last and text.startswith(CONTINUATION):  # dmesg and journalctl print messages of several lines so
            if last.add(line):
                self._finish(last)
        elif not (last and last.kinds) and self.table.any_start.match(message):
            self._unclaimed = line
        self._expire(None)

    def _without_margin(self, line: Line) -> Line:
        """A line of a log without prefixes, without what the report's first line had before it."""
        report = self._open.get(None)
        if report and report.kinds:
            margin = report.margin
            if not line.message.startswith(margin) and (first := self._first(line)):
                return first  # of another report, quoted otherwise
            # of an empty line the spaces at its end are missing, or more
            both = zip(margin, line.message, strict=False)
            common = next((at for at, (one, other) in enumerate(both) if one != other), len(margin))
            return line._replace(message=line.message[common:], margin=report.margin)
        return self._first(line) or line

    def _first(self, line: Line) -> Line | None:
        """The line without the margin before it, if a report may begin there."""
        margin = MARGIN.match(line.message)[0]  # type: ignore[index]  # it matches everything
        rest = line.message[len(margin) :]
        is_first = self.table.any_start.match(rest) or self.table.before.match(rest)
        return line._replace(message=rest, margin=margin) if is_first else None

    def _take(self, line: Line) -> None:
        if line.time_s is not None:
            self._expire(line.time_s)
        report = self._open.get(line.caller)
        if report and report.is_resumed and not self._continues(report, line.message):
            self._finish(report)
            report = None
        is_notable = self.table.notable.match(line.message)  # most lines of a report are not
        if is_notable:
            line = line._replace(is_notable=True)
            report = self._owner(report, line)
        report = report or next((one for one in self._open.values() if one.kinds and one.kind.all_callers), None)
        if report and report.add(line):
            self._finish(report)
        if is_notable and self.table.lines.lost.match(line.message):
            for other in self._open.values():
                other.has_lost_lines = True

    def _owner(self, report: Report | None, line: Line) -> Report | None:
        """The report that a line belongs to with which one may begin. `report`: the open one of the line's caller."""
        is_end = bool(report and report.kinds and report.is_end(line.message))  # which the next one may begin with too
        if not is_end and (kind := self._kind(line)):
            return self._start(kind, self._open.get(line.caller), line)
        return self._new(line) if not report and self.table.before.match(line.message) else report

    def _kind(self, line: Line) -> ReportKind | None:
        self._said_farewell |= bool(self.table.farewell.match(line.message))
        if not self.table.any_start.match(line.message):
            return None
        kind = self.table.kind_of(line.message)
        return kind if not kind.is_boot or self._is_surprise(line) else None

    def _is_surprise(self, boot: Line) -> bool:
        """Whether a boot begins without a shutdown before it. Programs print the kernel's version too, but not at
        such a time."""
        if boot.time_s is None or boot.time_s >= 1 or not self.form.is_console:
            return False
        cut = [report for report in self._open.values() if report.kinds]
        for report in cut:
            report.is_crash = True
            self._finish(report)
        is_surprise = self._has_booted and not (self._said_farewell or self.is_dead or cut)
        self._has_booted, self._said_farewell, self.is_dead = True, False, False
        return is_surprise

    def _continues(self, report: Report, message: bytes) -> bool:
        if not message:  # between the parts of what says where it ends
            return report.kind.must_end
        return report.is_end(message) or bool(self.table.lines.continues.match(message.decode("utf-8", "replace")))

    def _start(self, kind: ReportKind, report: Report | None, line: Line) -> Report:
        """A line that starts a report: the report that it belongs to, an open one or a new one."""
        self.is_dead |= kind.is_fatal and not line.is_doubtful
        if self.table.folds.match(line.message) and (cause := self._cause(line.caller)):
            cause.is_crash = True
            cause.ends = self.table.ends[kind.kind]
            return cause
        if report and report.kinds and not self._are_one(report, kind):
            report = self._nest(report, line)
        report = report or self._new(line)
        if not report.kinds:
            report.is_doubtful, report.margin = line.is_doubtful, line.margin
        report.be(kind)
        self._look_from(line.time_s)  # its kind says how long it may be quiet
        report.ends = self.table.ends[kind.kind]
        return report

    def _are_one(self, report: Report, kind: ReportKind) -> bool:
        """Whether a start belongs to the open report: some print their message after the WARNING line and before any
        trace, some say the same again and again."""
        if report.has_trace:
            return kind.repeats and report.kinds == [kind]
        if any(one is kind for one in report.kinds) and self.table.before.match(report.lines[-1].message):
            return False
        return any(kind.kind in one.absorbs or one.kind in kind.absorbs for one in report.kinds)

    def _cause(self, caller: bytes | None) -> Report | None:
        """The report that a consequence (a panic after an oops) belongs to: that of the same caller, else the last
        one."""
        recent = [report for report in self._held[-HOLD_LINES:] if self._number - report.line_end <= HOLD_LINES]
        named = [*(report for report in self._open.values() if report.kinds), *recent]
        cause = max(named, key=lambda report: (report.caller == caller, report.line_end), default=None)
        if cause in self._held:
            self._held.remove(cause)
            self._open[cause.caller] = cause
            self._until_s, self._until_line = -math.inf, 0
        if cause and cause.caller != caller:  # the panic's own lines follow, and are of its caller
            self._open[caller] = cause
        return cause

    def _nest(self, report: Report, line: Line) -> Report:
        """A report inside another one, which continues when the inner one ends."""
        opener = report.take_back_opener(self.table)
        for caller in [caller for caller, other in self._open.items() if other is report]:
            del self._open[caller]
        inner = self._new(line)
        if report.depth < NESTING:
            inner.interrupted = report
        else:
            self._keep(report)
        if opener:
            inner.lines.append(opener)
        return inner

    def _new(self, line: Line) -> Report:
        if len(self._open) >= MOST_OPEN:
            self._finish(min(self._open.values(), key=lambda report: report.line_end))
        report = Report(line.caller, is_doubtful=line.is_doubtful)
        self._open[line.caller] = report
        self._look_from(line.time_s)
        return report

    def _look_from(self, time_s: float | None) -> None:
        """An open report that was heard at that time may be quiet for too long from then on."""
        self._until_s = min(self._until_s, -math.inf if time_s is None else time_s)

    def _expire(self, time_s: float | None) -> None:
        """End reports that have been quiet for too long, by the kernel's clock or by lines of others."""
        if (time_s is None or time_s <= self._until_s) and self._number <= self._until_line:
            return
        for report in list(self._open.values()):
            is_quiet = time_s is not None and report.is_quiet(time_s)
            if is_quiet or self._number - report.line_end > FOREIGN_LINES:
                self._finish(report)
        self._until_s = min((report.quiet_s for report in self._open.values()), default=math.inf)
        self._until_line = min((report.line_end for report in self._open.values()), default=0) + FOREIGN_LINES

    def _finish(self, report: Report) -> None:
        mine = [caller for caller, other in self._open.items() if other is report]
        for caller in mine:
            del self._open[caller]
        outer, report.interrupted = report.interrupted, None
        if mine:
            self._keep(report)
        if outer and report.is_complete:
            outer.is_resumed = True
            self._open[outer.caller] = outer
            self._until_s, self._until_line = -math.inf, 0
        elif outer:
            self._keep(outer)

    def _keep(self, report: Report) -> None:
        """Hold a finished report until it is certain that no consequence follows."""
        outer, report.interrupted = report.interrupted, None
        if report.kinds and report.is_proven(self.table):
            self._held.append(report)
            if len(self._held) > self._room:
                self._look_through(HOLD_LINES)
                self._room = 2 * len(self._held) + HOLD_LINES
        if outer:
            self._keep(outer)

    # --- giving them out

    def _release(self, hold_lines: int) -> list[KernelReport]:
        self._look_through(hold_lines)
        ready, self._ready = self._ready, []
        return ready

    def _look_through(self, hold_lines: int) -> None:
        """Reports that nothing can follow from any more are ready."""
        done = [report for report in self._held if self._number - report.line_end > hold_lines]
        self._held = [report for report in self._held if self._number - report.line_end <= hold_lines]
        done.sort(key=lambda report: report.lines[0].offset)
        self._ready += [self._kernel_report(report) for report in done]

    def _kernel_report(self, report: Report) -> KernelReport:
        """The finished report."""
        reading = self._reading(report)
        title = reading.title.text
        self._seen[title] = count = self._seen.get(title, 0) + 1
        return report.kernel_report(reading, SHORT_TEXT if count > FULL_TEXTS else None)

    def _reading(self, report: Report) -> Reading:
        """A flood says the same again and again: what such a report says is asked once. Nobody reads a thousand short
        ones that differ: of what comes then only the kind is said, which nothing excuses."""
        if len(report.lines) > FLOOD_LINES:
            return report.read(self.table)
        said = report.said()
        reading = self._known.get(said)
        if not reading and len(self._known) >= FLOOD_TEXTS:
            return report.glance()
        if not reading:
            self._known[said] = reading = report.read(self.table)
        return reading
