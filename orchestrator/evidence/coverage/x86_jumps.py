"""Code of x86-64 -> its conditional jumps, and where other CPUs matter. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from orchestrator.evidence.x86_code import instructions
from orchestrator.model.coverage import Jump

# jmp is no condition; loop and jrcxz are
_JUMP = re.compile(r"^(?:[a-z]+ )*(?:j(?!mp)[a-z]+|loop[a-z]*)(?:,p[nt])?\s+(?:0x)?([0-9a-f]+)\b")
# calls, what is locked or is without saying so, what orders
_MEETS_OTHERS = re.compile(r"^(?:call|lock|[lsm]fence|xchg\s.*\()")
_WRAP = (1 << 64) - 1


def conditional_jumps(disassembly: str, starts: Sequence[int], codes: Sequence[bytes]) -> Iterator[Jump]:
    """The arguments are those of x86_code.instructions."""
    for address, words, following, moved in instructions(disassembly, starts, codes):
        if found := _JUMP.match(words):
            yield Jump(address, int(found[1], 16) + moved & _WRAP, following)


def between(disassembly: str, starts: Sequence[int], codes: Sequence[bytes]) -> Iterator[int]:
    """Where it matters what other CPUs have done since: the beginnings of the pieces, and what follows a call or an
    atomic operation. The arguments are those of x86_code.instructions."""
    yield from starts
    for _, words, following, _ in instructions(disassembly, starts, codes):
        if _MEETS_OTHERS.match(words):
            yield following
