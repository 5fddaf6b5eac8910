"""Text of any origin made fit for XML 1.0 and for a terminal, and cut to a size. Pure.

XML 1.0 has no way to write most control characters, a lone surrogate, U+FFFE or U+FFFF, not even as a character
reference, and one of them makes a whole report unreadable. Deleting them would falsify the evidence and leave the
rest of an escape sequence behind, so they are shown: an ESC becomes the four characters `\\x1b`.
"""

from __future__ import annotations

import re

# The Char production of XML 1.0, without the carriage return.
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_END = re.compile(r"\r+\n")  # a serial console sends CR LF, a tty behind a tty CR CR LF
_DIRECTIVE = re.compile(r"\[\[(?=[A-Z]+\|)")  # CI servers obey [[ATTACHMENT|path]] in a test's output
_MOST_BYTES = 6  # of UTF-8 that one character becomes: `\\uNNNN`


def _shown(code: int) -> str:
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape: a byte that was no UTF-8
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


# What XML 1.0 cannot hold, by code point; and what a terminal must not get beside that: DEL, the 8-bit controls, and
# what turns the order of the text that follows (bidi overrides).
_SHOWN = {code: _shown(code) for code in (*range(0x20), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF) if code not in (9, 10)}
_FOR_TERMINAL = _SHOWN | {
    code: _shown(code) for code in (*range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


def visible(text: str) -> str:
    """The text with LF line ends and with everything that XML 1.0 cannot hold shown as `\\xNN` or `\\uNNNN`.

    What a guest printed cannot make a CI server attach a file of the host: `[[NAME|` loses its first bracket pair.
    """
    text = _LINE_END.sub("\n", text)
    if _NOT_XML.search(text):
        text = text.translate(_SHOWN)  # and not a substitution by function: a binary dump is all of these
    return _DIRECTIVE.sub("[ [", text)


def harmless(text: str) -> str:
    """The text without anything that a terminal would obey but line feeds and tabs; 8-bit controls, DEL and what turns
    the order of text are shown too."""
    return _LINE_END.sub("\n", text).translate(_FOR_TERMINAL)


def printable(text: str) -> str:
    """`harmless` text on one line."""
    # Runs of spaces stay: a command that is shown is to be pasted.
    return re.sub(r"\s*[\t\n\u2028\u2029]\s*", " ", harmless(text)).strip()


def one_line(text: str, limit: int) -> str:
    """`visible` text on one line of at most `limit` characters, for an XML attribute."""
    line = re.sub(r"[\s]+", " ", visible(text[: limit + 1].strip())).strip()
    return line if len(line) <= limit else f"{line[: max(0, limit - 3)]}..."


def tail(text: str, limit: int, where: str = "") -> str:
    """`visible` text of at most `limit` UTF-8 bytes from the end of `text`, begun at a line, with a note of the cut.

    The note comes on top of the limit; a limit of 0 is for no text and no note.
    """
    if limit <= 0:
        return ""
    kept = text[len(text) - _fitting(text, limit, from_end=True) :]
    if len(kept) == len(text):
        return visible(text)
    newline = kept.find("\n", 0, min(1000, limit // 4))  # rather whole lines, unless that would cost much
    kept = kept[newline + 1 :]
    return f"{_note(len(text) - len(kept), len(text), where)}\n{visible(kept)}"


def middle(text: str, limit: int, where: str = "") -> str:
    """`visible` text of at most `limit` UTF-8 bytes: both ends of `text`, with a note of what was cut between them."""
    if limit <= 0:
        return ""
    if _fitting(text, limit, from_end=False) == len(text):
        return visible(text)
    head = text[: _fitting(text, limit // 2, from_end=False)]
    rest = text[len(head) :]
    end = rest[len(rest) - _fitting(rest, limit - limit // 2, from_end=True) :]
    return f"{visible(head)}\n{_note(len(rest) - len(end), len(text), where)}\n{visible(end)}"


def _fitting(text: str, limit: int, *, from_end: bool) -> int:
    """How many characters of one end of `text` are sure to fit in `limit` bytes once they are visible UTF-8."""
    if len(text) * _MOST_BYTES <= limit:
        return len(text)
    count = min(len(text), limit)
    while count:
        part = text[len(text) - count :] if from_end else text[:count]
        size = len(visible(part).encode("utf-8"))
        if size <= limit:
            break
        count = min(count - 1, count * limit // size)
    return count


def _note(cut: int, whole: int, where: str) -> str:
    place = f"; all of it is in {one_line(where, 1000)}" if where else ""
    return f"[... {cut} of {whole} characters cut{place}]"
