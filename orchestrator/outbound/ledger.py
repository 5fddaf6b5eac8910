"""What was sent to whom, so that nobody is told the same twice: a line of JSON for each attempt, appended under a lock.

News are compared by content (reporters/elsewhere.py), not by run: tomorrow's run that finds the same is no news.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import IO

from orchestrator.storage.store import writing

NAME = "sent.jsonl"


class State(Enum):
    """How far a parcel has come."""

    BEGUN = "begun"  # it may have been sent: whoever wrote this may have been killed at any moment since
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True)
class Entry:
    """`to` is a server, `about` what it keeps under a name of its own (a patch and a context, the answer to a mail)."""

    to: str
    about: str
    news: str
    state: str
    at: str  # UTC
    run: str = ""


class Ledger:
    """An open ledger. Others wait until it is closed."""

    def __init__(self, handle: IO[bytes], path: Path) -> None:
        self._handle, self._path = handle, path
        self._last: dict[tuple[str, str], Entry] = {}
        for line in handle:
            if entry := _entry(line):
                self._last[entry.to, entry.about] = entry

    def last(self, to: str, about: str) -> Entry | None:
        """The latest attempt."""
        return self._last.get((to, about))

    def add(self, entry: Entry) -> None:
        """It is on the disk when this returns. Raises HostRefused."""
        with writing(self._path):
            # a line that a power failure has cut is ended by the line feed in front
            self._handle.write(b"\n" + json.dumps(asdict(entry)).encode("ascii"))
            self._handle.flush()
            os.fsync(self._handle.fileno())
        self._last[entry.to, entry.about] = entry


@contextmanager
def open_ledger(state: Path) -> Iterator[Ledger]:
    """The ledger in the state directory of this user. Raises HostRefused."""
    path = state / NAME
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("a+b")
    with handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        handle.seek(0)
        yield Ledger(handle, path)


def _entry(line: bytes) -> Entry | None:
    """None for a line that was cut or changed."""
    try:
        entry = Entry(**json.loads(line))
        return entry if all(isinstance(value, str) for value in asdict(entry).values()) else None
    except (ValueError, TypeError, RecursionError):
        return None
