"""Scissors lines of mails: what stands above one is no part of the patch, and a diff ends at one. Pure."""

from __future__ import annotations

import re

_MADE_OF_CUTS = re.compile(r"(?:-|>8|8<|>%|%<)(?:-|>8|8<|>%|%<| (?=[ \-<>8%]))*")
_SCISSORS = re.compile(r">8|8<|>%|%<")


def is_scissors(line: str) -> bool:
    """`-- >8 --`, `---8<--- cut here ---8<---`: for a third at least it consists of dashes and scissors."""
    line = line.strip()
    if not 8 <= len(line) <= 200 or not _SCISSORS.search(line):
        return False
    return 3 * sum(len(match[0]) for match in _MADE_OF_CUTS.finditer(line)) > len(line)
