"""Code of x86-64, as objdump disassembles it -> its conditional jumps, and where other CPUs matter. Pure."""

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
# calls, what is locked or is without saying so, what orders
_MEETS_OTHERS = re.compile(r"^(?:call|lock|[lsm]fence|xchg\s.*\()")
_WRAP = (1 << 64) - 1


def joined(codes: Sequence[bytes]) -> bytes:
    """Pieces of code as one file to disassemble."""
    return b"".join(code + BETWEEN for code in codes)


def conditional_jumps(disassembly: str, starts: Sequence[int], codes: Sequence[bytes]) -> Iterator[Jump]:
    """`disassembly`: what objdump says of the joined pieces, of which each begins at one of the addresses `starts`."""
    for address, words, following, moved in _instructions(disassembly, starts, codes):
        if found := _JUMP.match(words):
            yield Jump(address, int(found[1], 16) + moved & _WRAP, following)


def between(disassembly: str, starts: Sequence[int], codes: Sequence[bytes]) -> Iterator[int]:
    """Where it matters what other CPUs have done since: the beginnings of the pieces, and what follows a call or an
    atomic operation. The arguments are those of conditional_jumps."""
    yield from starts
    for _, words, following, _ in _instructions(disassembly, starts, codes):
        if _MEETS_OTHERS.match(words):
            yield following


def _instructions(
    disassembly: str, starts: Sequence[int], codes: Sequence[bytes]
) -> Iterator[tuple[int, str, int, int]]:
    """Each instruction but the last: its address, its words, the address of the next one, and how far its piece is from
    where the disassembly has it."""
    begins = [0]
    for code in codes:
        begins.append(begins[-1] + len(code) + len(BETWEEN))
    lines = [(int(offset, 16), words) for offset, words in _INSTRUCTION.findall(disassembly)]
    for (offset, words), (following, _) in pairwise(lines):
        piece = bisect_right(begins, offset) - 1
        if offset < begins[piece] + len(codes[piece]):
            moved = starts[piece] - begins[piece]
            yield offset + moved, words, following + moved, moved
