"""Forms in which kernel logs are kept: what stands before a message, and which form a file has.

A live guest's console is always PRINTK, so that no text of a program is taken for the kernel's. A file may come from
anywhere; `detect` looks at its first lines: at the prefixes that are known (below), and at what stands before lines
that only a kernel prints (log_landmarks). Expressions are for bytes and match at the start of a line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from orchestrator.parse.logs.log_landmarks import MARGINS, gap_of_landmarks, prefix_of_landmarks

SAMPLE = 4 << 20  # bytes of a file that decide its form
SAMPLE_LINES = 20_000
MOST_PREFIX = 8192  # bytes of a line in which its prefix is
MOST_PIECES = 16  # in one line

# what a serial line adds: terminal sequences, NUL and other control bytes (a file system adds thousands of NUL after a
# crash), bytes that are no ASCII. The latter may also begin the name of a month, so few of them are tried.
_CONTROL = rb"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f"
_JUNK = rb"(?:" + _CONTROL + rb"])*+(?:" + _CONTROL + rb"-\xff]){0,64}"
_LEVEL = rb"(?:<\d{1,3}>)?"
_CALLER = rb"(?: ?\[ *(?P<caller>[TC]\d+)\])?"  # dmesg of util-linux 2.41 puts a space before it
_PRINTK = _LEVEL + rb"\[ *(?P<time>\d+\.\d{6})\]" + _CALLER + rb" ?"
# the kernel's time as some vendors print it: with the wall clock, with its unit, after a letter
_VENDOR_TIME = _LEVEL + rb"\[ *(?P<time>\d+\.\d{6})(?:s| / [\d :.-]{5,24})?\](?:[A-Z](?=\[))?" + _CALLER + rb" ?"
# who spoke, as vendors' kernels put it behind the time: CPU, task and pid in some order, a wall clock, a level
_WHO = (
    rb"(?:\[pid:\d+,cpu\d+,[^\]\n]{1,20}\] ?|[-. ]{0,2}\(\d+\)\[\d+:[^\]\n]{1,20}\] ?|\[name:[^\]\n]{1,20}\] ?"
    rb"| ?\[\d+: *[^\]\n:]{1,16}: *\d+\] |c\d+ +\d+ \( *[^)\n]{1,16}\) |\(CPU:\d+-pid:\d+:[^)\n]{1,16}\) ?"
    rb"|\[\d{4}:\d\d:\d\d \d\d:\d\d:\d\d\] ?|\[\d\d:\d\d:\d\d(?:\.\d+)?\] ?|\[ *[TC]\d+[@/.][^\]\n]{1,16}\] ?"
    rb"|\[CPU:\d+\] ?|\[[A-Z0-9]\] ?|<\d{1,3}> ?){0,4}"
)
_CLOCK = rb"(?P<clock>\d\d:\d\d:\d\d)"
_TIME = rb"\d\d:\d\d:\d\d(?:[.,]\d+)?"
_ISO = rb"\d{4}-\d\d-\d\d[T_ ]" + _TIME + rb"(?: ?[+-]\d\d:?\d\d|Z)?"
# a month's or weekday's name in any language, with digits where the language has them (7æ)
_NAME = rb"[^\s\[\](){}<>:=\"']{1,24}"
_DATE = (
    rb"(?:(?:" + _NAME + rb" )?" + _ISO + rb"(?: [A-Z]{2,5})?"  # journalctl -o short-full puts weekday and zone around
    rb"|(?:\d{4} )?"
    + _NAME
    + rb" {1,2}\d{1,2}\.?(?: \d{4})? "
    + _TIME  # syslog
    + rb"|\d{1,2}\.? "
    + _NAME
    + rb" "
    + _TIME  # where the day comes first
    + rb"|"
    + _NAME
    + rb" "
    + _NAME
    + rb" {1,2}\d{1,2} "
    + _TIME
    + rb" \d{4}"  # busybox
    rb"|\d{9,11}\.\d+|@[0-9a-f]{16,24})"  # seconds of the epoch; TAI64N
)
_HOST = rb"(?: +[^\s:]+)?"
_WITH_TIME = rb"(?:\[ *(?P<time>\d+\.\d{6})\]" + _CALLER + rb" ?)?"
_TAG = rb"/?(?:kernel|vmunix)(?:\[[\w/]*\])?"
_KERNEL = (  # who speaks: the daemons' spellings of "the kernel"
    rb"(?:" + _HOST + rb" +(?:(?:kern|user)\.\w+ )?" + _TAG + rb": ?(?: ?<\d{1,3}>)?"
    rb"|" + _HOST + rb" +kern\.\w+: |" + _HOST + rb" \[kernel\] | [^\s:]+ kernel - - (?:-|\[[^\]\n]{0,80}\]) )"
)
_BEHIND_KERNEL = rb"(?:kernel(?:\[[\w/]*\])?[:\]] ?(?: ?<\d{1,3}>)?|vmunix: |kern\.\w+: |[\]-] )"
_LOGCAT = rb"(?:kernel|KERNEL)? *"
_DECODED = rb"[a-z]\w{2,8} *:[a-z]+ *: "  # dmesg -x
_MARGIN = rb"[" + MARGINS + rb"]*+"
MARGIN = re.compile(_MARGIN)
# how a line begins that lost its prefix, or a part of it, when the log was cut out of something
HEADLESS = re.compile(_JUNK + _MARGIN + rb"(?:[\d.]{1,20}\] ?)?")
_INSIDE = re.compile(rb"(?<![\"'`])" + _PRINTK)
_TIMES = re.compile(rb"\[ *\d+\.\d{6}\]")  # what each of these has, and few lines: looked for with memchr
_WALL = re.compile(_JUNK + rb" ?kernel:" + _PRINTK)  # syslogd tells all terminals of emergencies


@dataclass(frozen=True)
class Format:
    """One form. `prefix` may have the groups time (seconds), us (microseconds), clock (HH:MM:SS) and caller."""

    name: str
    prefix: re.Pattern[bytes]
    tail: bytes  # the end of any prefix, as an expression that had better begin with a literal: it is searched for
    is_strict: bool = False  # nothing may stand before the prefix
    is_marked: bool = True  # the prefix tells the kernel's lines from others
    is_own: bool = True  # no other text has such a prefix: few lines with it say what the form is
    is_console: bool = True  # all that was said from power-on on, so that a second boot is a reset
    has_margin: bool = False  # each report may stand behind a margin of its own

    def time_s(self, found: Mapping[str, bytes | None]) -> float | None:
        """When the line was printed, in seconds from an origin of the log's own; None where no time is given. `found`:
        the groups of its prefix."""
        if time := found.get("time"):
            return float(time)
        if us := found.get("us"):
            return int(us) / 1e6
        if clock := found.get("clock"):
            hours, minutes, seconds = map(int, clock.split(b":"))
            return float(hours * 3600 + minutes * 60 + seconds)
        return None

    def pieces(self, line: bytes) -> list[tuple[int, re.Match[bytes]]]:
        """Where in the line the kernel begins to speak, with the prefix there: usually once, at its beginning.

        More often where a program left its line open, a reset cut one, or two CPUs wrote into one another.
        """
        match = self.prefix.match(line, 0, MOST_PREFIX) or (
            None if self.is_strict else _WALL.match(line, 0, MOST_PREFIX)
        )
        found = [(0, match)] if match else []
        if self.is_strict or not self.is_console or not self.is_marked:
            return found
        begin = match.end() if match else 0
        if _TIMES.search(line, begin):
            inside = islice(_INSIDE.finditer(line, begin), MOST_PIECES)
            found += [(piece.start(), piece) for piece in inside]
        return found


def _form(name: str, prefix: bytes, tail: bytes, **properties: bool) -> Format:
    return Format(name, re.compile(_JUNK + _MARGIN + prefix), tail, **properties)


PRINTK = Format("printk", re.compile(_JUNK + _PRINTK), rb"\] ", is_strict=True)
BARE = Format("bare", re.compile(_JUNK), rb"\n" + _JUNK + _MARGIN, is_marked=False, has_margin=True)
_BEHIND_PRINTK = rb"[\])>] ?"  # _WHO may leave no space
FORMATS = (
    # journalctl -o short-monotonic and -o short-delta; before printk, which it looks like
    _form("journal", rb"\[ *(?P<time>\d+\.\d{6})(?: < *\d+\.\d{6} ?>)?\]" + _KERNEL, _BEHIND_KERNEL,
          is_console=False),
    # rsyslog, syslog-ng, busybox, metalog, socklog, journalctl; the kernel's own time may follow
    _form("syslog", _LEVEL + rb"(?:1 )?" + _DATE + _KERNEL + _WITH_TIME + _WHO, rb"(?:" + _BEHIND_KERNEL + rb"|\] ?)",
          is_console=False),
    # Talos: node, facility, level, time
    _form("talos", rb"[^\s:]+: kern: +\w+: \[" + _ISO + rb"\]: ", rb"\]: ", is_console=False),
    # adb logcat -b kernel: threadtime, time, brief
    _form("logcat", rb"(?:(?:\d{4}-)?\d\d-\d\d " + _TIME + rb"(?: [+-]\d{4})?(?: +\w+)? +\d+ +\d+ [VDIWEF] "
          + _LOGCAT + rb": |(?:\d\d-\d\d " + _TIME + rb" )?[VDIWEF]/" + _LOGCAT + rb"\( *\d+\): )" + _WITH_TIME,
          rb"(?:: |\] )",
          is_console=False),
    # /dev/kmsg, extended netconsole (which may put the release before it, and the caller behind it), perhaps stamped by
    # who received it
    _form("kmsg", rb"(?:[^\n]{1,60}?\s)?(?:[\w.+~-]+,)?\d{1,3},\d+,(?P<us>\d{1,18}),[-+c]"
          rb"(?:,caller=(?P<caller>[TC]\d+))?(?:,\w+=[^,;\n]*)*;", b";"),
    # dmesg -T, in any language; crash's log -T with the zone
    _form("dmesg-T", _LEVEL + rb"(?:" + _DECODED + rb")?\[(?=[^\]\n]{0,40} )[^\]\n]{3,30}? " + _CLOCK
          + rb"(?: [A-Z+-][\w:]{1,5})? \d{4}\] ?" + _CALLER + rb" ?", rb"\] "),
    # dmesg -H, -e, -d: the minute, then what passed since the line before
    _form("dmesg-H", rb"\[(?:[A-Z][a-z]{2} ?\d{1,2} \d\d:\d\d| *\+\d+\.\d{6}|<? *\d+\.\d{6}(?: < *\d+\.\d{6})?>)\] ?"
          + _CALLER + rb" ?", rb"\] ", is_console=False),
    _form("printk", _VENDOR_TIME + _WHO, _BEHIND_PRINTK),
    # something else stamped each line before us: a CI, a console server, dmesg -x
    _form("stamped", rb"[^\n]{1,80}?[\s:|>\]]" + _VENDOR_TIME + _WHO, _BEHIND_PRINTK),
    # dmesg -x of a kernel without times, or with --time-format iso
    _form("dmesg-x", rb"kern *:[a-z]+ *: (?:" + _ISO + rb" )?", rb"[:\dZ] "),
    # a name without a date: logs that somebody cut, or wrote with a format of his own
    _form("tagged", rb"(?:[^\s:]+ )?" + _TAG + rb": ", rb": ", is_own=False, is_console=False),
    # dmesg --time-format iso; any clock before the line; levels without times (dmesg -r of a kernel without
    # PRINTK_TIME); a kernel's time of other precision
    _form("dmesg-iso", _ISO + rb" ", rb"[\dZ] ", is_marked=False, is_own=False),
    _form("clock", rb"\[" + _CLOCK + rb"\] ?", rb"\] ", is_marked=False, is_own=False),
    _form("levels", rb"<\d{1,3}>", b">", is_marked=False, is_own=False),
    _form("uptime", _LEVEL + rb"\[ *(?P<time>\d+\.\d{1,9})\] ?", rb"\] ", is_marked=False, is_own=False),
    # journalctl -o export, -o verbose: a line for each field
    _form("journal-fields", rb"(?: {4})?MESSAGE=", rb"MESSAGE=", is_marked=False, is_own=False, is_console=False),
)  # fmt: skip


def detect(sample: bytes) -> Format:
    """The form of a file, from its beginning.

    A form whose prefix cannot be anything else needs one line in a hundred: programs write to consoles too. One that
    other logs share needs half of the lines. Where there is neither, the form is what stands before the lines that only
    a kernel prints; BARE if nothing does.
    """
    lines = [line[:MOST_PREFIX] for line in sample.split(b"\n", SAMPLE_LINES)[:SAMPLE_LINES] if line.strip()]
    counts = {form: sum(form.prefix.match(line) is not None for line in lines) for form in FORMATS}
    most = max((counts[form] for form in FORMATS if form.is_own), default=0)
    for form in FORMATS:
        if counts[form] >= (max(1, most / 100) if form.is_own else max(1, len(lines) / 2)):
            return _of_its_writer(form, lines)
    learned = prefix_of_landmarks(lines)
    if not learned:
        return BARE
    prefix = re.compile(_JUNK + rb"(?:" + learned.prefix + rb")")
    return Format("learned", prefix, learned.tail, is_marked=False, is_console=False)


def _of_its_writer(form: Format, lines: Sequence[bytes]) -> Format:
    """The form, with what this file has between the prefix and the message besides."""
    gap = gap_of_landmarks(line[match.end() :] for line in lines if (match := form.prefix.match(line)))
    if not gap:
        return form
    prefix = re.compile(form.prefix.pattern + rb"(?:" + gap.prefix + rb")?")
    return replace(form, prefix=prefix, tail=rb"(?:" + form.tail + rb"|" + gap.tail + rb")")
