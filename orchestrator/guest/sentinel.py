"""The last line of a case's stderr, by which the guest says how it ended and what it left behind. Pure.

    orchestrate-sentinel TOKEN status=0 left=0 stuck=0 who=nobody vm_area_struct=90,91 ... taint=0,0 dropped=0 full=0

The token is random, and out of the program's reach (files/supervisor/main.c): it cannot print a sentinel of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.model.attempt import Count

_LINE = re.compile(r"^orchestrate-sentinel (?P<token>\w+) (?P<words>[^\n]*)$", re.MULTILINE)
_COUNT = re.compile(r"\b(?P<name>\w{1,100})=(?P<before>\d{1,18}),(?P<after>\d{1,18})\b")


@dataclass(frozen=True)
class Sentinel:
    """What the guest wrote. `status` is None when the process that should know it did not live to say so."""

    status: int | None
    taint_before: int
    taint_after: int
    dropped: int
    left: int
    stuck: int
    left_name: str
    is_full: bool  # nothing more could be written to /tmp when the program ended
    counts: tuple[Count, ...]


def read_sentinel(stderr: str, token: str) -> Sentinel | None:
    """The sentinel with this token, the last one; None when the guest did not live to write it."""
    match = next((m for m in reversed([*_LINE.finditer(stderr.replace("\r\n", "\n"))]) if m["token"] == token), None)
    if match is None:
        return None
    counts = [Count(m["name"], int(m["before"]), int(m["after"])) for m in _COUNT.finditer(match["words"])]
    facts = dict(word.split("=", 1) for word in match["words"].split() if "=" in word)
    taint = next((count for count in counts if count.name == "taint"), Count("taint", 0, 0))
    left = _number(facts, "left") or 0
    return Sentinel(
        status=_number(facts, "status"),
        taint_before=taint.before,
        taint_after=taint.after,
        dropped=_number(facts, "dropped") or 0,
        left=left,
        stuck=_number(facts, "stuck") or 0,
        left_name=facts.get("who", "") if left else "",
        is_full=bool(_number(facts, "full")),
        counts=tuple(count for count in counts if count.name != "taint"),
    )


def _number(facts: dict[str, str], name: str) -> int | None:
    text = facts.get(name, "")
    return int(text) if text.isdecimal() and len(text) <= 18 else None
