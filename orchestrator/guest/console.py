"""The guest's serial console: everything it says goes to a file as it comes, with the host's time, and is watched.

Memory is bounded by one chunk; the text of a window is read back from the file.
"""

from __future__ import annotations

import os
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

CHUNK = 1 << 16
OVERLAP = 1024  # a pattern may straddle two chunks; no watched line is longer
# What the kernel itself prints starts so (PRINTK_TIME, PRINTK_CALLER); a program's output does not
PRINTK = rb"^(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? "


@dataclass
class Watch:
    """A pattern that is waited for. `seen` is set at its first match, whose text is `match`."""

    pattern: re.Pattern[bytes]
    seen: threading.Event = field(default_factory=threading.Event)
    match: bytes = b""


def kernel_line(text: str) -> re.Pattern[bytes]:
    """A pattern for a whole line that the kernel printed and that begins with a text."""
    return re.compile(PRINTK + re.escape(text.encode()) + rb"[^\r\n]*(?=[\r\n])", re.MULTILINE)


class Console:
    """What a guest prints: `follow` reads it to its end in a thread of its own.

    `path` gets the bytes as they come. `path` + ".times" gets a line "OFFSET SECONDS" for each chunk: the host's
    monotonic time at which the bytes from OFFSET on were read.
    """

    def __init__(self, path: Path) -> None:
        """Creates the files, so that whoever starts the guest hears when they cannot be had. Raises OSError."""
        self._path = path
        self._log = path.open("wb", buffering=0)
        self._times = path.with_name(path.name + ".times").open("w", buffering=1)
        self._watches: list[Watch] = []
        self._lock = threading.Lock()
        self._tail = b""
        self.size = 0
        self.last_output_s = time.monotonic()
        self.failure: OSError | None = None  # the log could not be written (disk full): the rest is only watched
        self.panicked = self.watch(kernel_line("Kernel panic - not syncing"))
        self._thread: threading.Thread | None = None

    def follow(self, stream: IO[bytes]) -> None:
        self._thread = threading.Thread(target=self._read, args=(stream,), name="console", daemon=True)
        self._thread.start()

    def watch(self, pattern: re.Pattern[bytes]) -> Watch:
        """Wait for a pattern from here on (and in the last bytes already seen)."""
        watch = Watch(pattern)
        with self._lock:
            self._watches.append(watch)
            self._match(watch, self._tail)
        return watch

    def drain(self, timeout_s: float) -> None:
        """Wait until the stream has ended and everything is in the file."""
        if self._thread:
            self._thread.join(timeout_s)

    def text(self, start: int = 0, end: int | None = None) -> str:
        """The window between two byte offsets."""
        return self.raw(start, end).decode(errors="replace")

    def raw(self, start: int = 0, end: int | None = None) -> bytes:
        """The same as it came."""
        with self._path.open("rb") as handle:
            handle.seek(start)
            return handle.read(-1 if end is None else max(0, end - start))

    def _read(self, stream: IO[bytes]) -> None:
        with self._log as log, self._times as index:
            while chunk := os.read(stream.fileno(), CHUNK):
                now = time.monotonic()
                if self.failure is None:
                    try:
                        log.write(chunk)
                        index.write(f"{self.size} {now:.6f}\n")
                    except OSError as error:
                        self.failure = error  # but go on reading: a full pipe would stop the guest
                with self._lock:
                    self.size += len(chunk)
                    self.last_output_s = now
                    text = self._tail + chunk
                    for watch in self._watches:
                        self._match(watch, text)
                    self._watches = [watch for watch in self._watches if not watch.seen.is_set()]
                    self._tail = text[-OVERLAP:]

    @staticmethod
    def _match(watch: Watch, text: bytes) -> None:
        if match := watch.pattern.search(text):
            watch.match = match[0]
            watch.seen.set()
