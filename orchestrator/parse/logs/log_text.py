"""The lines of a log file, out of what its writer wrapped them in. Pure; line by line, so that line numbers stay.

UTF-16 (a shell of Windows writes it), a byte order mark, terminal colours (`dmesg --color=always`, journalctl),
no-break spaces (copied from a page), and JSON: an object for each line (journalctl -o json, containers, LAVA) or a
member for each line (dmesg --json). Of a journal in JSON only what the kernel said is left.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator

_LONGEST_LINE = 1 << 20  # bytes for whose end nobody waits
_MARKS = {
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
    codecs.BOM_UTF8: "",
}
_BYTES = re.compile(rb'"MESSAGE"\s*:\s*(\[[0-9, ]*\])')  # as journalctl writes what is no text of UTF-8
_DOCUMENT = re.compile(rb"\{\s*\"|\[\s*[\[{\"]")
_NESTED = re.compile(rb"[\[:,]\s*\[?\s*[\[{]\s*\"")
_COLOUR = re.compile(rb"(?:\x1b|\^\[)\[[0-9;]{0,20}[mK]")
_NO_BREAK_SPACE = "\u00a0".encode()
_MESSAGE = re.compile(rb'"(?:MESSAGE|message|msg|log|text|textPayload|line)"\s*:\s*("(?:[^"\\\n]|\\.)*")')
_JSON_LINE = re.compile(rb'\s*(?:[-\[,] ?)?\{?\s*"')
_TRANSPORT = re.compile(rb'"_TRANSPORT"\s*:\s*"([a-z]*)"')


class LogText:
    """Takes the bytes of a file in pieces of any size and gives complete lines."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._lines = _whole_lines(_decoded(chunks))
        self._first = next(self._lines, b"")
        self.is_json = _is_json(self._first)

    def __iter__(self) -> Iterator[bytes]:
        yield self._clean(self._first)
        yield from map(self._clean, self._lines)

    def _clean(self, lines: bytes) -> bytes:
        if self.is_json:
            lines = b"\n".join(_message(line) for line in lines.split(b"\n"))
        if b"\x1b[" in lines or b"^[[" in lines:
            lines = _COLOUR.sub(b"", lines)
        return lines.replace(_NO_BREAK_SPACE, b" ") if _NO_BREAK_SPACE in lines else lines


def _decoded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same text in UTF-8, or whatever it is in without a byte order mark."""
    pieces = iter(chunks)
    first = next(pieces, b"")
    mark = next((mark for mark in _MARKS if first.startswith(mark)), b"")
    encoding = _MARKS.get(mark) or _unmarked(first)
    if not encoding:
        yield first[len(mark) :]
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    yield decoder.decode(first[len(mark) :]).encode()
    for piece in pieces:
        yield decoder.decode(piece).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode()


def _unmarked(start: bytes) -> str:
    """UTF-16 without its mark, of which most characters are ASCII; empty for other text."""
    sample = start[:4096]
    half = len(sample) // 2
    zeros = sample[0::2].count(0), sample[1::2].count(0)
    if half < 20 or max(zeros) < 0.8 * half or min(zeros) > 0.1 * half:
        return ""
    return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"


def one_line_of_json(start: bytes) -> str:
    """Of a file that is one list or tree of JSON in one line, what to do with it; empty for a log."""
    text = start.strip()
    if not _DOCUMENT.match(text) or b"\n" in text or not _NESTED.search(text[: 1 << 16]):
        return ""
    return "JSON in one line, in which no line of a log is to be seen; take the messages out: jq -r '.. | strings'"


def _whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces that end where a line ends, but for the last one and for what has no end."""
    rest = b""
    for chunk in chunks:
        rest += chunk
        end = rest.rfind(b"\n") + 1 or (len(rest) if len(rest) > _LONGEST_LINE else 0)
        if end:
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


def _is_json(lines: bytes) -> bool:
    """Whether one line in ten is an object with a message, or a member of that name."""
    found = [line for line in lines.split(b"\n", 10_000)[:10_000] if line.strip()]
    if not found or found[0].lstrip()[:1] not in (b"{", b"[", b"-"):
        return False
    return sum(
        bool(_JSON_LINE.match(line) and (_MESSAGE.search(line) or _BYTES.search(line))) for line in found
    ) * 10 >= len(found)


def _message(line: bytes) -> bytes:
    """The message of a line of JSON, and nothing of a line without one."""
    match = _MESSAGE.search(line)
    transport = _TRANSPORT.search(line)
    said_bytes = None if match else _BYTES.search(line)
    if said_bytes and not (transport and transport[1] != b"kernel"):
        numbers = [int(word) for word in said_bytes[1].strip(b"[]").split(b",") if word.strip()]
        said = bytes(number for number in numbers if number < 256).replace(b"\n", b" ")
        return b"kernel: " + said if transport else said
    if not match or (transport and transport[1] != b"kernel"):
        return b""
    try:
        text = json.loads(match[1])
    except ValueError:  # the escapes of another dialect
        text = match[1][1:-1].decode("utf-8", "replace")
    said = " ".join(text.rstrip().split("\n")).encode("utf-8", "replace")
    return b"kernel: " + said if transport else said
