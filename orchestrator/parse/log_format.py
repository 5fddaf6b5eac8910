"""Forms in which kernel logs are kept: what stands before a message, and which form a file has.

A live guest's console is always PRINTK, so that no text of a program is taken for the kernel's. A file may come from
anywhere; `detect` looks at its first lines. Expressions are for bytes and match at the start of a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

SAMPLE = 4 << 20  # bytes of a file that decide its form
SAMPLE_LINES = 20_000

# what a serial line adds: terminal sequences, NUL and other control bytes, bytes that are no ASCII
_JUNK = rb"(?:\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\xff])*"
_LEVEL = rb"(?:<\d{1,3}>)?"
_CALLER = rb"(?: ?\[ *(?P<caller>[TC]\d+)\])?"  # dmesg of util-linux 2.41 puts a space before it
_PRINTK = _LEVEL + rb"\[ *(?P<time>\d+\.\d{6})\]" + _CALLER + rb" ?"
# who spoke, as some vendors' kernels put it behind the time: CPU, task and pid in one order or another
_WHO = (
    rb"(?:\[pid:\d+,cpu\d+,[^\]\n]{1,20}\] ?|(?:<\d> )?\(\d+\)\[\d+:[^\]\n]{1,20}\](?:\[name:[^\]\n]{1,20}\])? ?"
    rb"|\[\d+: *[^\]\n:]{1,16}: *\d+\] )?"
)
_STAMPED_PRINTK = _PRINTK + _WHO
_CLOCK = rb"(?P<clock>\d\d:\d\d:\d\d)"
_ISO = rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:[+-]\d\d:?\d\d|Z)?"
_KERNEL = rb"(?: +[^\s:]+)? +(?:kern\.\w+ )?kernel(?:\[\d+\])?: ?(?: ?<\d{1,3}>)?"
_BEHIND_KERNEL = rb"kernel(?:\[\d+\])?: (?: ?<\d{1,3}>)?"
_MARGIN = rb"[ \t>|*`]*"  # what a mail or a page puts before each line
MARGIN = re.compile(_MARGIN)
# how a line begins that lost its prefix, or a part of it, when the log was cut out of something
HEADLESS = re.compile(_JUNK + _MARGIN + rb"(?:[\d.]{1,20}\] ?)?")
_INSIDE = re.compile(rb"(?<![\"'`])" + _PRINTK)
_WALL = re.compile(_JUNK + rb" ?kernel:" + _PRINTK)  # syslogd tells all terminals of emergencies


@dataclass(frozen=True)
class Format:
    """One form. `prefix` may have the groups time (seconds), us (microseconds), clock (HH:MM:SS) and caller."""

    name: str
    prefix: re.Pattern[bytes]
    tail: bytes  # the end of any prefix, as an expression that had better begin with a literal: it is searched for
    is_strict: bool = False  # nothing may stand before the prefix
    is_marked: bool = True  # the prefix tells the kernel's lines from others
    is_console: bool = True  # all that was said from power-on on, so that a second boot is a reset
    has_margin: bool = False  # each report may stand behind a margin of its own

    def time_s(self, match: re.Match[bytes]) -> float | None:
        """When the line was printed, in seconds from an origin of the log's own; None where no time is given."""
        found = match.groupdict()
        if found.get("time"):
            return float(found["time"])
        if found.get("us"):
            return int(found["us"]) / 1e6
        if clock := found.get("clock"):
            hours, minutes, seconds = map(int, clock.split(b":"))
            return float(hours * 3600 + minutes * 60 + seconds)
        return None

    def pieces(self, line: bytes) -> Iterator[tuple[int, re.Match[bytes]]]:
        """Where in the line the kernel begins to speak, with the prefix there: usually once, at its beginning.

        More often where a program left its line open, a reset cut one, or two CPUs wrote into one another.
        """
        match = self.prefix.match(line) or (None if self.is_strict else _WALL.match(line))
        if match:
            yield 0, match
        if self.is_strict or not self.is_console or not self.is_marked:
            return
        for inside in _INSIDE.finditer(line, match.end() if match else 0):
            yield inside.start(), inside


def _form(name: str, prefix: bytes, tail: bytes, **properties: bool) -> Format:
    return Format(name, re.compile(_JUNK + _MARGIN + prefix), tail, **properties)


PRINTK = Format("printk", re.compile(_JUNK + _PRINTK), rb"\] ", is_strict=True)
BARE = Format("bare", re.compile(_JUNK), rb"\n" + _JUNK + _MARGIN, is_marked=False, has_margin=True)
_BEHIND_PRINTK = rb"\] ?"  # _WHO may leave no space
FORMATS = (
    # journalctl -o short-monotonic; before printk, which it looks like
    _form("journal", rb"\[ *(?P<time>\d+\.\d{6})\]" + _KERNEL, _BEHIND_KERNEL, is_console=False),
    # rsyslog, journalctl; the kernel's own time may follow
    _form(
        "syslog",
        _LEVEL + rb"(?:[A-Za-z]{3} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)?|" + _ISO + rb")" + _KERNEL
        + rb"(?:\[ *(?P<time>\d+\.\d{6})\]" + _CALLER + rb" ?)?" + _WHO,
        rb"(?:" + _BEHIND_KERNEL + rb"|\] ?)",
        is_console=False,
    ),
    # /dev/kmsg, extended netconsole (which may put the release before it, and the caller behind it), perhaps stamped by
    # who received it
    _form(
        "kmsg",
        rb"(?:[^\n]{1,60}?\s)?(?:[\w.+~-]+,)?\d{1,3},\d+,(?P<us>\d+),[-+c](?:,caller=(?P<caller>[TC]\d+))?"
        rb"(?:,\w+=[^,;\n]*)*;",
        b";",
    ),
    _form("dmesg-T", _LEVEL + rb"\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d " + _CLOCK + rb" \d{4}\] ?" + _CALLER + rb" ?",
          rb"\] "),
    # dmesg -H, -e, -d: the minute, then what passed since the line before
    _form("dmesg-H", rb"\[(?:[A-Z][a-z]{2} ?\d{1,2} \d\d:\d\d| *\+\d+\.\d{6}|<? *\d+\.\d{6}(?: < *\d+\.\d{6})?>)\] ?"
          + _CALLER + rb" ?", rb"\] ", is_console=False),
    _form("printk", _STAMPED_PRINTK, _BEHIND_PRINTK),
    # something else stamped each line before us: a CI, a console server, dmesg -x
    _form("stamped", rb"[^\n]{1,80}?[\s:|>\]]" + _STAMPED_PRINTK, _BEHIND_PRINTK),
    # dmesg --time-format iso; levels without times (dmesg -r of a kernel without PRINTK_TIME)
    _form("dmesg-iso", _ISO + rb" ", rb"[\dZ] ", is_marked=False),
    _form("clock", rb"\[" + _CLOCK + rb"\] ?", rb"\] ", is_marked=False),
    _form("levels", rb"<\d{1,3}>", b">", is_marked=False),
)  # fmt: skip


def detect(sample: bytes) -> Format:
    """The form of a file, from its beginning.

    A form whose prefix cannot be anything else needs one line in a hundred: programs write to consoles too. One that
    other logs share needs half of the lines. BARE where there is neither.
    """
    lines = [line for line in sample.split(b"\n", SAMPLE_LINES)[:SAMPLE_LINES] if line.strip()]
    counts = {form: sum(form.prefix.match(line) is not None for line in lines) for form in FORMATS}
    most = max((counts[form] for form in FORMATS if form.is_marked), default=0)
    for form in FORMATS:
        needed = max(1, most / 100) if form.is_marked else max(1, len(lines) / 2)
        if counts[form] >= needed:
            return form
    return BARE
