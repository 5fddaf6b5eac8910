"""Finds where a kernel report speaks of code: every `function+0xoffset/0xsize` that the kernel printed.

These are not stack frames alone: the line of the instruction pointer (x86 `RIP:`, arm64 `pc :`, riscv `epc :`), what a
warning or KASAN names, and where lockdep says that a lock was taken have the same form on every architecture (%pS of
Documentation/core-api/printk-formats.rst).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CODE = re.compile(
    r"(?P<stale>\? )?(?<![\w.$])(?P<function>[A-Za-z_.$][\w.$]*)\+0x(?P<offset>[0-9a-f]+)/0x(?P<size>[0-9a-f]+)"
    r"(?: \[(?P<module>[A-Za-z_]\w*)(?: [0-9a-f]{40})?\])?(?P<is_pc> \(P\w*\))?"
)
# What stands before an address that the CPU was about to execute, or at which it trapped. All others point behind a
# call.
_ADDRESS = r"(?:\[<[0-9a-f]{1,16}>\] {1,2}){0,2}"  # before 4.10 twice
_INSTRUCTION = re.compile(rf"(?:[RE]IP: (?:[0-9a-f]{{4}}:)?|\b(?:e?pc|PC is at) ?:? ?){_ADDRESS}$")
_PLACE = re.compile(rf" at \S+:\d+ {_ADDRESS}")  # of a warning
MAX_LINE = 1000  # characters that are looked at, as many as a report's line has


@dataclass(frozen=True)
class CodeRef:
    """One of them. `line` is counted from 1 in the report's text; offset and size are bytes."""

    line: int
    function: str
    offset: int
    size: int
    module: str = ""  # the loadable module that it lies in
    is_reliable: bool = True  # False: a "? " says that the unwinder only found it on the stack
    is_instruction: bool = False  # it is where the CPU was, not where a call will return to

    @property
    def looked_up(self) -> int:
        """The offset to look up: the instruction itself, or the last byte of the call before a return address.

        The byte after a call can be the next line's, or the next function's where the call does not return.
        """
        return self.offset if self.is_instruction or self.offset == 0 else self.offset - 1


def code_refs(text: str) -> tuple[CodeRef, ...]:
    """All of a report's text, in its order."""
    found: list[CodeRef] = []
    instructions: set[tuple[str, int]] = set()
    for number, line in enumerate(text.split("\n"), 1):
        if "+0x" not in line:
            continue
        for match in _CODE.finditer(line, 0, MAX_LINE):
            place = (match["function"], int(match["offset"], 16))
            is_instruction = bool(match["is_pc"] or _is_instruction(line, match.start()))
            if is_instruction:
                instructions.add(place)
            found.append(
                CodeRef(
                    line=number,
                    function=place[0],
                    offset=place[1],
                    size=int(match["size"], 16),
                    module=match["module"] or "",
                    is_reliable=match["stale"] is None,
                    # arm64 and riscv begin the trace with the instruction that the register lines have named
                    is_instruction=is_instruction or place in instructions,
                )
            )
    return tuple(found)


def _is_instruction(line: str, at: int) -> bool:
    """Whether what stands before that place in the line says that the CPU was there."""
    if _INSTRUCTION.search(line, max(0, at - 60), at):
        return True
    named = line.rfind(" at ", 0, at)
    return 0 <= line.find("WARNING: ") < named and _PLACE.fullmatch(line, named, at) is not None
