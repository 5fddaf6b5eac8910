"""Code of x86-64, as objdump disassembles it -> its instructions. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

DISASSEMBLE = ("objdump", "-D", "-b", "binary", "-m", "i386:x86-64", "--no-show-raw-insn")
BETWEEN = b"\x90" * 16  # nop: what seems to begin at a function's end does not reach into the next one
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(.*?)\s*$", re.MULTILINE)


def joined(codes: Sequence[bytes]) -> bytes:
    """Pieces of code as one file to disassemble."""
    return b"".join(code + BETWEEN for code in codes)


def instructions(
    disassembly: str, starts: Sequence[int], codes: Sequence[bytes]
) -> Iterator[tuple[int, str, int, int]]:
    """Each instruction but the last: its address, its words, the address of the next one, and how far its piece is from
    where the disassembly has it. `disassembly`: what objdump says of the joined pieces, of which each begins at one of
    the addresses `starts`."""
    begins = [0]
    for code in codes:
        begins.append(begins[-1] + len(code) + len(BETWEEN))
    lines = [(int(offset, 16), words) for offset, words in _INSTRUCTION.findall(disassembly)]
    for (offset, words), (following, _) in pairwise(lines):
        piece = bisect_right(begins, offset) - 1
        if offset < begins[piece] + len(codes[piece]):
            moved = starts[piece] - begins[piece]
            yield offset + moved, words, following + moved, moved
