"""`90`, `45s`, `30m`, `8h`, `7d`: how long something takes, as a plan says it. Pure."""

from __future__ import annotations

import re

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_FORM = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,3})?)([smhd]?)")
LONGEST_S = 366 * 86400


def seconds(text: str) -> float:
    """ValueError for what is no duration, or none that is more than 0 and at most a year."""
    match = _FORM.fullmatch(text)
    found = float(match[1]) * UNITS[match[2]] if match else 0.0
    if not 0 < found <= LONGEST_S:
        raise ValueError(f"expected a duration like 45s, 30m, 8h or 7d, got {text[:40]!r}")
    return found
