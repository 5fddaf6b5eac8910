"""What was measured, in words that are the same in every report. Pure."""

from __future__ import annotations

import math

from orchestrator.model.performance import Judged, Word
from orchestrator.words import counted


def words(one: Judged) -> str:
    """`fault-anon: slower, +2.1 % (+1.9 to +2.3 %; 9 pairs, p 0.035; could have seen 0.3 %)`."""
    how = f"{counted(one.pairs, 'pair')}, p {one.p_adjusted:.2g}"
    if one.interval is None:
        return f"{one.name}: {one.word.value}, too few pairs for an interval ({how})"
    shift, low, high = (_percent(value) for value in (one.interval.shift, one.interval.low, one.interval.high))
    limit = f" {100 * one.margin:g} %" if one.word is Word.NO_DIFFERENCE else ""
    seen = f"; could have seen {100 * one.smallest:.2g} %" if one.smallest is not None else ""
    drift = "; the base drifts" if one.drifts else ""
    return f"{one.name}: {one.word.value}{limit}, {shift} ({low} to {high}; {how}{seen}{drift})"


def _percent(value: float) -> str:
    return f"{100 * math.expm1(value):+.2f} %"
