"""Code of x86-64, as objdump disassembles it -> its conditional jumps. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

from orchestrator.model.coverage import Jump

DISASSEMBLE = ("objdump", "-D", "-b", "binary", "-m", "i386:x86-64", "--no-show-raw-insn")
BETWEEN = b"\x90" * 16  # nop: what seems to begin at a function's end does not reach into the next one
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(.*)$", re.MULTILINE)
# jmp is no condition; loop and jrcxz are
_JUMP = re.compile(r"^(?:[a-z]+ )*(?:j(?!mp)[a-z]+|loop[a-z]*)(?:,p[nt])?\s+(?:0x)?([0-9a-f]+)\b")
_WRAP = (1 << 64) - 1


def joined(codes: Sequence[bytes]) -> bytes:
    """Pieces of code as one file to disassemble."""
    return b"".join(code + BETWEEN for code in codes)


def conditional_jumps(disassembly: str, starts: Sequence[int], codes: Sequence[bytes]) -> Iterator[Jump]:
    """`disassembly`: what objdump says of the joined pieces, of which each begins at one of the addresses `starts`."""
    begins = [0]
    for code in codes:
        begins.append(begins[-1] + len(code) + len(BETWEEN))
    lines = [(int(offset, 16), words) for offset, words in _INSTRUCTION.findall(disassembly)]
    for (offset, words), (following, _) in pairwise(lines):
        if found := _JUMP.match(words):
            piece = bisect_right(begins, offset) - 1
            if offset < begins[piece] + len(codes[piece]):
                moved = starts[piece] - begins[piece]
                target = int(found[1], 16) + moved & _WRAP
                yield Jump(offset + moved, target, following + moved)
