"""Wording that all messages share."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """`1 patch`, `2 patches`, `0 cases`: a number with its noun, which is given in the singular."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun}{'es' if noun.endswith(('s', 'x', 'ch', 'sh')) else 's'}"
