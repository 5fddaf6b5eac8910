"""Addresses in a sentence about a guest -> functions and lines of its kernel: the only hint at a
stuck CPU where there is no post-mortem."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.errors import VmlinuxUnreadable
from orchestrator.evidence.symbols import Symbols

_ADDRESS = re.compile(r"at (0x[0-9a-f]{16})\b")  # of the upper half: the kernel's


def with_functions(sentence: str, vmlinux: Path) -> str:
    """The sentence with `in FUNCTION (FILE:LINE)` for each address that this vmlinux knows. A kernel that was moved at
    boot (KASLR) lies elsewhere: nothing is replaced."""
    if not _ADDRESS.search(sentence):
        return sentence
    try:
        symbols = Symbols(vmlinux)
        return _ADDRESS.sub(lambda match: _named(symbols, match), sentence)
    except VmlinuxUnreadable:
        return sentence


def _named(symbols: Symbols, match: re.Match[str]) -> str:
    places = symbols.places_at(int(match[1], 16))
    if not places:
        return match[0]
    return f"in {places[-1].function} ({places[0].file}:{places[0].line})"
