"""The guest's serial console: what it says goes to a file as it comes, with the host's time, and is watched.

Memory and file are bounded (bounded_log); the text of a window is read back from the file. All of a flood is watched,
also what the file does not get.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from orchestrator.guest.bounded_log import BoundedLog

CHUNK = 1 << 16
OVERLAP = 1024  # a pattern may straddle two chunks; no watched line is longer
# What the kernel itself prints starts so (PRINTK_TIME, PRINTK_CALLER); a program's output does not
PRINTK = rb"^(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? "


@dataclass
class Watch:
    """A pattern that is awaited. `seen` is set at its first match, whose text is `match`."""

    pattern: re.Pattern[bytes]
    seen: threading.Event = field(default_factory=threading.Event)
    match: bytes = b""


def kernel_line(text: str) -> re.Pattern[bytes]:
    """A pattern for a whole line that the kernel printed and that begins with a text."""
    return re.compile(PRINTK + re.escape(text.encode()) + rb"[^\r\n]*(?=[\r\n])", re.MULTILINE)


class Console:
    """What a guest prints: `follow` reads it to its end in a thread of its own.

    `path` gets the bytes as they come. `path` + ".times" gets a line "OFFSET SECONDS" for each chunk: the host's
    monotonic time at which the bytes from OFFSET on were read. `said` is the number of bytes that came, `size` that of
    those in the file.
    """

    def __init__(self, path: Path) -> None:
        """Creates the files, so that whoever starts the guest hears when they cannot be had. Raises OSError."""
        self._path = path
        self._log = BoundedLog(path)
        self._times = path.with_name(path.name + ".times").open("w", buffering=1)
        self._watches: list[Watch] = []
        self._lock = threading.Lock()
        self._tail = b""
        self.said = 0
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

    @property
    def size(self) -> int:
        return self._log.size

    def mark(self) -> int:
        """Begin a window of the log, with the room that a flood has left: the offset of what comes next."""
        with self._lock:
            self._write(self._log.mark)
            return self._log.size

    def note(self, line: str) -> None:
        """Add a line of our own, also to the log of a guest that is dead."""
        data = f"\n{line}\n".encode()
        with self._lock:
            if self._thread is not None and not self._thread.is_alive():
                with suppress(OSError), self._path.open("ab") as handle:  # nobody adds to it any more
                    handle.write(data)
            else:
                self._write(partial(self._log.write, data))

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
        with self._times:
            while chunk := os.read(stream.fileno(), CHUNK):
                with self._lock:
                    self._write(partial(self._log.write, chunk))
                    self.said += len(chunk)
                    self.last_output_s = time.monotonic()
                    text = self._tail + chunk
                    for watch in self._watches:
                        self._match(watch, text)
                    self._watches = [watch for watch in self._watches if not watch.seen.is_set()]
                    self._tail = text[-OVERLAP:]
            with self._lock:
                self._write(self._log.close)

    def _write(self, work: Callable[[], object]) -> None:
        """Do something to the log that may add to it, and note when."""
        before = self._log.size
        try:
            if self.failure is None:
                work()
            if self._log.size > before:
                self._times.write(f"{before} {time.monotonic():.6f}\n")
        except OSError as error:
            self.failure = error  # but go on reading: a full pipe would stop the guest

    @staticmethod
    def _match(watch: Watch, text: bytes) -> None:
        if match := watch.pattern.search(text):
            watch.match = match[0]
            watch.seen.set()
