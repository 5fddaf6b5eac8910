"""What was measured, in words that are the same in every report. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from orchestrator.model.performance import Judged, Word
from orchestrator.words import counted


def words(one: Judged) -> str:
    """`fault-anon: slower, +2.1 % (+1.9 to +2.3 %; 9 pairs, p 0.035; could have seen 0.3 %)`."""
    how = f"{counted(one.pairs, 'pair')}, p {one.p_adjusted:.2g}"
    if one.interval is None:
        few = f"{one.pairs} of at least {counted(one.least, 'pair')}"
        return f"{one.name}: {one.word.value}, {_percent(one.shift)} so far (too few for an interval: {few})"
    shift, low, high = (_percent(value) for value in (one.interval.shift, one.interval.low, one.interval.high))
    limit = f" {100 * one.margin:g} %" if one.word is Word.NO_DIFFERENCE else ""
    seen = f"; could have seen {100 * one.smallest:.2g} %" if one.smallest is not None else ""
    drift = "; the base drifts" if one.drifts else ""
    return f"{one.name}: {one.word.value}{limit}, {shift} ({low} to {high}; {how}{seen}{drift})"


def sentence(found: Sequence[Judged]) -> str:
    """What is said of all metrics, the worst first: `slower: fault-anon (+2.1 %); no difference larger than 1 %: 8
    metrics`."""
    if not found:
        return "nothing was measured: no pair of guests came to its end"
    said = []
    for word in Word:
        of_word = [one for one in found if one.word is word]
        if not of_word:
            continue
        limit = f" {100 * of_word[0].margin:g} %" if word is Word.NO_DIFFERENCE else ""
        if word in (Word.SLOWER, Word.FASTER):
            which = ", ".join(f"{one.name} ({_percent(one.shift)})" for one in of_word)
        else:
            which = counted(len(of_word), "metric")
        said.append(f"{word.value}{limit}: {which}")
    return "; ".join(said)


def _percent(value: float) -> str:
    return f"{100 * math.expm1(value):+.2f} %"
