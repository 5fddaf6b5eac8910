"""The code of a function on x86-64, disassembled -> the bytes of its own stack frame. Pure.

A frame is what the function saves of the callee's registers, each once, and what it then takes of the stack. The return
address and arguments for others are not counted. Nothing but the code is asked: call frame information says nothing of
frames that rbp points to, and -fstack-usage would be another compilation.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

_SAVED = re.compile(r"^push\s+%(rbx|rbp|r12|r13|r14|r15)$")
_BRANCH = re.compile(r"^(?:bnd )?(?:notrack )?(?:call|j\w+|ret)")
_ROOM = re.compile(r"^push\s+%r(?:[acds][xi]|di|8|9|10|11)$")  # before any branch: 8 bytes of room, in one byte
_TAKEN = re.compile(r"^(sub|add)q?\s+\$(0x[0-9a-f]+),%rsp$")
_SIGN, _WORD = 1 << 63, 8
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(.*?)[ \t]*(?:#.*)?$", re.MULTILINE)
BETWEEN = b"\x90" * 16  # nop: an instruction that data at a function's end seems to begin does not reach the next one
# sub $imm,%rsp and add $-128,%rsp as they are encoded: almost always, functions that agree in these have equal frames
TAKES = re.compile(rb"\x48\x81\xec....|\x48\x83\xec.|\x48\x83\xc4\x80", re.DOTALL)


def frame(instructions: Sequence[str]) -> int:
    """`instructions` in AT&T's words, in their order: `push   %rbp`."""
    saved: set[str] = set()
    taken = room = 0
    begins = True
    for one in instructions:
        begins = begins and _BRANCH.match(one) is None
        if begins and _ROOM.match(one):
            room += _WORD
        elif match := _SAVED.match(one):
            saved.add(match[1])
        elif match := _TAKEN.match(one):
            amount = int(match[2], 16)
            signed = amount - (_SIGN << 1) if amount & _SIGN else amount
            taken = max(taken, signed if match[1] == "sub" else -signed)
    return _WORD * len(saved) + room + taken


def frames(disassembly: str, starts: Sequence[tuple[int, str]]) -> dict[str, int]:
    """What objdump --no-show-raw-insn says of functions one after the other, with BETWEEN behind each, and where they
    start, in their order -> the largest frame of each name."""
    begins = [at for at, _ in starts]
    of: list[list[str]] = [[] for _ in starts]
    for offset, text in _INSTRUCTION.findall(disassembly):
        at = bisect_right(begins, int(offset, 16)) - 1
        of[at].append(text)
    found: dict[str, int] = {}
    for (_, name), instructions in zip(starts, of, strict=True):
        found[name] = max(found.get(name, 0), frame(instructions))
    return found
