"""The names of busybox' applets, from the program itself: one of another architecture cannot be asked. Pure.

busybox has them in one array of characters (applet_names, include/applet_tables.h), in ascending order, each with a
NUL behind it; the first are `[` and `[[`.
"""

from __future__ import annotations

import re

_NAME = re.compile(rb"[a-z0-9\[_.+-]{1,32}")
LEAST = 20  # a busybox with fewer applets has no shell, mount, ip and cat


def applets_of(program: bytes) -> tuple[str, ...]:
    """Ascending. ValueError where there is no such array."""
    at = 0
    while (at := program.find(b"[\0[[\0", at)) >= 0:
        names = tuple(_ascending(program, at))
        if len(names) >= LEAST:
            return names
        at += 1
    raise ValueError("has no names of applets: this is no busybox")


def _ascending(program: bytes, at: int) -> list[str]:
    found: list[str] = []
    while (end := program.find(b"\0", at, at + 40)) > at:
        name = program[at:end]
        if not _NAME.fullmatch(name) or (found and name.decode() <= found[-1]):
            break
        found.append(name.decode())
        at = end + 1
    return found
