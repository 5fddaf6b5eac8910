"""Code of x86-64 -> the instructions that may write a member of a struct. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from orchestrator.evidence.x86_code import instructions

# What is written comes last. Not by %gs: those are variables of a CPU; not the stack, nor the kernel's own data
_STORE = re.compile(r"[\s,](?P<offset>0x[0-9a-f]+)?\(%(?!rsp|rip)r[a-z0-9]+\)$")
_NO_WRITE = re.compile(r"^(?:cmp|test|bt[lqw]?\b|nop|lea|call|jmp|push|prefetch|f?comi|lgdt|lidt|invlpg|clflush)")


def stores(
    disassembly: str, starts: Sequence[int], codes: Sequence[bytes], offsets: Collection[int], atomic: Collection[int]
) -> Iterator[int]:
    """The addresses of those that write at one of the offsets from what a register points to, or atomically at one of
    `atomic`. The first three arguments are those of x86_code.instructions."""
    for address, words, _, _ in instructions(disassembly, starts, codes):
        found = _STORE.search(words)
        if found is None or _NO_WRITE.match(words):
            continue
        if int(found["offset"] or "0", 16) in (atomic if words.startswith(("lock ", "xchg ")) else offsets):
            yield address
