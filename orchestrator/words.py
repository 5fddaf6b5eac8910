"""Wording that all messages share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def counted(count: int, noun: str) -> str:
    """`1 patch`, `2 patches`, `0 cases`: a number with its noun, which is given in the singular."""
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun}{'es' if noun.endswith(('s', 'x', 'ch', 'sh')) else 's'}"


def near(word: str, known: Iterable[str]) -> str:
    """`did you mean a or b?`: the names that a word was likely meant to be; empty when none is like it."""
    return did_you_mean(likely_names(word, known))


def likely_names(word: str, known: Iterable[str]) -> list[str]:
    """The names that a word was likely meant to be, however it is capitalized."""
    names = {name.casefold(): name for name in known}
    return [names[one] for one in difflib.get_close_matches(word.casefold(), names, n=3, cutoff=0.6)]


def did_you_mean(names: Sequence[str]) -> str:
    """`did you mean a or b?`; empty without names."""
    return f"did you mean {' or '.join(names)}?" if names else ""


def lasting(seconds: float) -> str:
    """`45 s`, `12 min`, `2 h 05 min`, `3 days`: a duration, as precisely as people need it."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{round(seconds / 86400)} days"
