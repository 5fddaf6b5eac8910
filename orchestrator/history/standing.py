"""How a test stands: since when it fails, when it last passed, when it was mended. A fold over its outcomes. Pure.

Standings are rows of their own (schema.STANDING), kept up to date by every import: what is new is read, not computed,
when somebody looks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

PASS = "PASS"
BAD = ("FAIL", "TIMEOUT", "CRASH")


@dataclass(frozen=True)
class Standing:
    """Of a test after some runs. Moments are starts of runs; None: never. `fails_since` is the first failure after the
    last pass, `fixed` the first pass after the latest failures. What is neither a pass nor a failure (an error of the
    host, a skipped test, a missing result) changes `outcome` alone."""

    outcome: str
    first_seen: str
    latest: str
    last_pass: str | None = None
    fails_since: str | None = None
    fixed: str | None = None


def after(known: Standing | None, started: str, outcome: str) -> Standing:
    """The standing after one more run, which began no earlier than those before it."""
    last = known or Standing(outcome, started, started)
    last = replace(last, outcome=outcome, latest=started)
    if outcome == PASS:
        return replace(last, last_pass=started, fails_since=None, fixed=started if last.fails_since else last.fixed)
    if outcome in BAD:
        return replace(last, fails_since=last.fails_since or started)
    return last


def before(known: Standing, moment: str) -> Standing | None:
    """What a standing says about runs before a moment that are known no more; None where it says nothing."""
    if known.first_seen >= moment:
        return None

    def early(one: str | None) -> str | None:
        return one if one and one < moment else None

    return Standing("", known.first_seen, known.first_seen, early(known.last_pass), early(known.fails_since),
                    early(known.fixed))  # fmt: skip
