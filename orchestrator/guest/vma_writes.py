"""Writes of VMAs without their lock, as a plugin of QEMU sees them, told in the guest's console like a report of the
kernel: so whatever is done with such reports is done with these.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from orchestrator.guest.console import Console
from orchestrator.guest.counters import Counters, Counting

MEMBER_AT = 48  # in a counter: files/plugins/vma_writes.c, FIELD_AT


@dataclass(frozen=True)
class VmaWatch:
    """What to watch. `places`: function+0xoffset/0xsize for each address; `members`: names, as the plugin numbers
    them."""

    counting: Counting
    places: tuple[str, ...]
    members: tuple[str, ...]


class VmaWrites:
    """The writes in one guest. Make them before QEMU starts."""

    def __init__(self, directory: Path, watch: VmaWatch) -> None:
        self._watch = watch
        self._counters = Counters(directory, watch.counting)
        self._told: set[str] = set()

    def seen(self) -> int:
        """How many writes of VMAs in use there were, locked or not."""
        return self._counters.words()[0]

    def tell(self, console: Console, started_s: float) -> None:
        """Say in the console what is new since the last call. One line for a member and a function, as the compiler may
        have made several instructions of a statement. Works also when the guest is dead."""
        _, *counts = self._counters.words()
        lines: dict[str, str] = {}
        for place, counter in zip(self._watch.places, counts, strict=True):
            number = counter >> MEMBER_AT
            if 0 < number <= len(self._watch.members):
                member = self._watch.members[number - 1]
                what = f"{member} {place.partition('+')[0]}"
                lines.setdefault(what, f"{member} of a VMA was written without its lock by {place}")
        for what in lines.keys() - self._told:
            console.note(f"[{time.monotonic() - started_s:12.6f}] orchestrate: {lines[what]}")
        self._told |= lines.keys()
