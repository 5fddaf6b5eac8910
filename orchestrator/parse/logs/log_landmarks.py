"""Learns a prefix from the lines of a log that only a kernel prints.

Nobody knows all the ways in which logs are kept. But "Call Trace:" begins a message of the kernel wherever it stands,
so what stands before it, again and again in the same shape, is the log's prefix. The shape of a prefix is the prefix
with other digits and words, and with anything inside of brackets.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

MARGINS = b" \t>|*`"  # what a mail or a page puts before each line
MAX_PREFIX = 160  # bytes of what may stand before a message
_SHAPES = 8  # that one log may have, the most frequent ones
_ENOUGH = 2  # lines of the same shape: one may be chance

# always at a message's beginning
_FIRST = (
    rb"CPU: \d+ (?:UID: \d+ )?PID: \d+ Comm: |Call [Tt]race:\s*$|RIP: [0-9a-f]{4}:|Modules linked in:|Hardware name: "
    rb"|-+\[ (?:cut here|end trace [0-9a-f]+)|Pid: \d+, comm: "
)
_FIRSTS = re.compile(_FIRST)
# and these mostly
_LANDMARKS = re.compile(
    _FIRST
    + rb"|-+\[ end Kernel panic|Kernel panic - not syncing|BUG: [A-Za-z]|#PF: |Oops: [0-9A-Za-z]|WARNING: CPU: \d"
    rb"|INFO: task |rcu: INFO: |Internal error: |Unable to handle kernel |general protection fault|watchdog: BUG: "
    rb"|EIP is at |PC is at |pc : |lr : |Code: [0-9a-f<]{2}|[ER]SP: [0-9a-f]{4}:|Krnl PSW : |NIP \[c0|</?(?:TASK|IRQ)>"
)
_TOKENS = re.compile(
    rb"(?P<bracket>\[[^\]\n]*\]|\([^)\n]*\))|(?P<space>[ \t]+)|(?P<word>[\w\x80-\xff]+)|(?P<other>.)", re.DOTALL
)
_CONTROL = bytes({*range(0x20), 0x7F} - set(b"\t\n"))
_WORD = rb"[\w\x80-\xff]"


@dataclass(frozen=True)
class Learned:
    """Expressions for a prefix, and for the end of it alone."""

    prefix: bytes
    tail: bytes


def prefix_of_landmarks(lines: Iterable[bytes]) -> Learned | None:
    """What stands before kernel messages in these lines; None where nothing does, or nothing that comes again."""
    counts = _shapes(lines, _LANDMARKS)
    common = [shape for shape, count in counts.most_common(_SHAPES) if count >= _ENOUGH]
    return _learned(common) if common and common[0].prefix else None


def gap_of_landmarks(rests: Iterable[bytes]) -> Learned | None:
    """The same for lines from which a known prefix was taken; None unless most of the kernel's lines have one."""
    counts = _shapes(rests, _FIRSTS)
    shape, count = next(iter(counts.most_common(1)), (Learned(b"", b""), 0))
    return shape if shape.prefix and count >= max(_ENOUGH, sum(counts.values()) / 2) else None


def _shapes(lines: Iterable[bytes], landmark: re.Pattern[bytes]) -> Counter[Learned]:
    found = ((line, landmark.search(line, 0, MAX_PREFIX + 40)) for line in lines)
    return Counter(_shape(line[: match.start()]) for line, match in found if match and match.start() <= MAX_PREFIX)


def _learned(shapes: Iterable[Learned]) -> Learned:
    """Any of the shapes, the longest first: one may be the beginning of another."""
    named = sorted((shape for shape in shapes if shape.prefix), key=lambda shape: len(shape.prefix), reverse=True)
    return Learned(
        b"|".join(shape.prefix for shape in named), b"(?:" + b"|".join({shape.tail: None for shape in named}) + b")"
    )


def _shape(prefix: bytes) -> Learned:
    """A prefix and its like. Linear: no two neighbours in it can match the same byte."""
    prefix = prefix.lstrip(_CONTROL)  # which may stand before any prefix
    text = prefix.rstrip(b" \t")
    if not text.strip(MARGINS):  # a quotation, or an indentation, which some messages have of their own
        return Learned(b"", b"")
    parts = []
    for token in _TOKENS.finditer(text):
        if token["bracket"]:
            opening, closing = re.escape(token[0][:1]), re.escape(token[0][-1:])
            parts.append(opening + rb"[^" + closing + rb"\n]{0,80}" + closing)
        elif token["space"]:
            parts.append(rb"[ \t]+")
        else:
            parts.append(_WORD + b"+" if token["word"] else re.escape(token[0]))
    space = rb"[ \t]{0,%d}" % (len(prefix) - len(text))  # those behind it are the message's own
    last = _WORD if re.search(_WORD + rb"\Z", text) else re.escape(text[-1:])
    return Learned(b"".join(parts) + space, last + space)
