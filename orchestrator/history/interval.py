"""How sure a rate is. Pure."""

from __future__ import annotations

from math import sqrt

_Z = 1.959964  # of 95 %, both sides


def interval(failed: int, total: int) -> tuple[float, float]:
    """Wilson's interval of 95 % for a rate: it is right for few samples too, and for rates of 0 and 1. ValueError where
    there is no sample."""
    if not 0 <= failed <= total or not total:
        raise ValueError(f"{failed} of {total} is no rate")
    rate, spread = failed / total, _Z * _Z / total
    middle = (rate + spread / 2) / (1 + spread)
    half = _Z * sqrt(rate * (1 - rate) / total + spread / (4 * total)) / (1 + spread)
    low = 0.0 if failed == 0 else max(0.0, middle - half)
    high = 1.0 if failed == total else min(1.0, middle + half)
    return low, high
