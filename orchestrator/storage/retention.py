"""Which of the files that runs leave on the disk may be removed, and in which order. Pure.

What was used in the last hours stays, and so does everything with a reason to keep it. Of the rest, what has not been
used for some days goes; then, if a size was requested, what was used least recently.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from orchestrator.errors import UsageError

DAY_S = 86400.0
IN_USE_S = 6 * 3600.0  # what was used so lately may be part of a run that goes on
SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?) ?(?P<unit>[KMGT]?)(?:i?B)?", re.IGNORECASE)
UNITS = ("", "K", "M", "G", "T")


class Kind(Enum):
    """A kind of thing on the disk."""

    RUN = "runs"
    NIGHT = "nights"  # their records and runs, and the series that they tested
    PRODUCT = "products"  # of the store: kernels, programs
    BUILD = "builds"  # build directories, one for each kconfig in each worktree
    WORKTREE = "worktrees"
    BASE = "bases"  # object stores, with what else lies beside them
    CCACHE = "ccache"
    LEARNED = "learned"  # which functions a case executes
    BASE_RESULT = "base-results"  # how a case fails without a series
    LEFTOVER = "leftovers"  # of what was killed


@dataclass(frozen=True)
class Item:
    """Something that can be removed by itself. `used` is when it was last used, in seconds since the epoch; `size` is
    in bytes; neither includes the items inside of it. `keep` is why it must stay; `locks` are the locks that its
    remover must hold."""

    kind: Kind
    path: Path
    used: float
    size: int = 0
    keep: str = ""
    locks: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Policy:
    """`max_bytes` is how much may be left in all; None: any amount."""

    keep_days: float
    max_bytes: int | None = None
    kinds: Collection[Kind] = tuple(Kind)


def chosen(items: Sequence[Item], policy: Policy, now: float) -> tuple[Item, ...]:
    """The items to remove, in order: an item comes after those inside of it."""
    total = sum(item.size for item in items)
    inside = {item.path: [other for other in items if item.path in other.path.parents] for item in items}
    # who works in a build directory uses what is around it
    used = {item.path: max(item.used, *(other.used for other in inside[item.path]), 0.0) for item in items}
    going: dict[Path, Item] = {}
    for item in sorted(items, key=lambda item: (used[item.path], -len(item.path.parts), item.path)):
        may_go = item.kind in policy.kinds and not item.keep and used[item.path] < now - IN_USE_S
        if not may_go or any(other.path not in going for other in inside[item.path]):
            continue
        is_old = used[item.path] < now - policy.keep_days * DAY_S
        is_too_much = policy.max_bytes is not None and total > policy.max_bytes
        if is_old or is_too_much:
            going[item.path] = item
            total -= item.size
    return tuple(going.values())


def by_kind(items: Iterable[Item]) -> dict[Kind, tuple[int, int]]:
    """The number and bytes of the items of each kind."""
    sums: dict[Kind, tuple[int, int]] = {}
    for item in sorted(items, key=lambda item: list(Kind).index(item.kind)):
        count, size = sums.get(item.kind, (0, 0))
        sums[item.kind] = (count + 1, size + item.size)
    return sums


def parse_size(text: str) -> int:
    """Bytes, of a size like 500M or 20 GiB. Raises UsageError."""
    match = SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text}: not a size", hint="like 500M or 20G")
    return int(float(match["number"]) * 1024 ** UNITS.index(match["unit"].upper()))


def show_size(size: float) -> str:
    """A size for people, in the largest unit of which it has at least one."""
    power = 0
    while size >= 1024 and power < len(UNITS) - 1:
        size, power = size / 1024, power + 1
    digits = 1 if power and size < 10 else 0
    return f"{size:.{digits}f} {UNITS[power]}{'iB' if power else 'B'}"
