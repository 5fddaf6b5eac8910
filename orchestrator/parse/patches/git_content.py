"""What the header of a git diff promises, and whether what follows is that. Pure.

git refuses a header without its content only where that is the whole patch; behind another file's diff it drops it
without a word, so that less is tested than was sent.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Sequence

_INDEX = re.compile(rb"index ([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})(?: [0-7]{6})?$")
_MODE = re.compile(rb"(old|new|new file|deleted file) mode ([0-7]{6})$")
_HALF = re.compile(rb"(index|(old|new|new file|deleted file) mode) ")
_MOVED = re.compile(rb"(rename|copy) (from|to) .")
_EMPTY = (b"e69de29", b"473a0f4")  # how the id of an empty file begins, with SHA-1 and SHA-256
_BLOCK = re.compile(rb"(literal|delta) (\d{1,9})$")
_LENGTHS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # what a line's first letter says: A is one byte


def lacks_content(header: Sequence[bytes]) -> str:
    """Why a header, which ends without hunks or a binary patch, is not the whole change: what it is, in words. Empty
    where it is: a new mode, a rename, an empty file."""
    lines = [line.rstrip(b"\r") for line in header]
    modes = {match[1] for line in lines if (match := _MODE.match(line))}
    moves = {match[0][:7] for line in lines if (match := _MOVED.match(line))}
    for line in lines:
        if _HALF.match(line) and not (_INDEX.match(line) or _MODE.match(line)):
            return "the diff ends in a line of a header"
    ids = next((match for line in lines if (match := _INDEX.match(line))), None)
    if ids and ids[1] != ids[2]:
        if b"deleted file" in modes:
            return "" if ids[1].startswith(_EMPTY) else "a file is removed without its content (git diff -D)"
        return "" if b"new file" in modes and ids[2].startswith(_EMPTY) else "nothing follows the header of a file"
    if any(line.startswith(b"similarity index ") and line != b"similarity index 100%" for line in lines):
        return "nothing follows the header of a file"
    whole = {b"old", b"new"} <= modes or modes & {b"new file", b"deleted file"}
    moved = {b"rename ", b"copy fr"} & moves and len([line for line in lines if _MOVED.match(line)]) == 2
    return "" if whole or moved else "nothing follows the header of a file"


def is_whole_block(first: bytes, lines: Sequence[bytes]) -> bool:
    """Whether the lines of base85 behind `literal N` or `delta N` are N bytes."""
    head = _BLOCK.match(first)
    if not head:
        return False
    packed: list[bytes] = []
    for line in lines:
        length = _LENGTHS.find(line[:1]) + 1
        if not length or len(line) - 1 != -(-length // 4) * 5:
            return False
        try:
            packed.append(base64.b85decode(line[1:])[:length])
        except ValueError:
            return False
    inflate = zlib.decompressobj()
    try:
        return len(inflate.decompress(b"".join(packed), int(head[2]) + 1)) == int(head[2]) and inflate.eof
    except zlib.error:
        return False
