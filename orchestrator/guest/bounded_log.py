"""A log file that cannot fill the disk: what does not fit is dropped from the middle, and a line says so.

Offsets are those in the file. They stay valid, because nothing in the file is ever moved.
"""

from __future__ import annotations

from pathlib import Path

# A guest says some 100 kB in a run of all cases. A flood comes at up to 3 MB/s on an emulated serial port: this is ten
# seconds of it, and as many thousand reports, which take the judge 12 s. It can be attached to a CI job.
LIMIT = 32 << 20
ALLOWANCE = 1 << 20  # bytes that each window may add all the same: no case is silenced by the flood of an earlier one
TAIL = 1 << 20  # bytes at the end of each window that are always kept: the last words of a kernel are there


class BoundedLog:
    """Keeps everything up to LIMIT; beyond that, of each window between two marks, its first and its last MiB."""

    def __init__(self, path: Path) -> None:
        """Creates the file. Raises OSError."""
        self._file = path.open("wb", buffering=0)
        self._room = LIMIT
        self._tail = bytearray()  # what came when there was no room, without what was dropped
        self._dropped = 0  # bytes, between the file's end and the tail
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Raises OSError."""
        fits = 0 if self._tail else min(len(chunk), self._room)
        if fits:
            self._append(chunk[:fits])
            self._room -= fits
        self._tail += chunk[fits:]
        if len(self._tail) > 2 * TAIL:
            self._drop(len(self._tail) - TAIL)

    def mark(self) -> int:
        """Begin a window: returns the offset of what is written next. Held-back bytes are written first. Raises
        OSError."""
        if len(self._tail) > TAIL:
            self._drop(len(self._tail) - TAIL)
        if self._dropped:
            self._drop(self._tail.find(b"\n") + 1)  # half a line could look like a whole one
            self._append(f"\n[orchestrate: {self._dropped} bytes of a flood were dropped here]\n".encode())
        if self._tail:
            self._append(bytes(self._tail))
        self._tail.clear()
        self._dropped = 0
        self._room = max(self._room, ALLOWANCE)
        return self.size

    def close(self) -> None:
        """Raises OSError."""
        try:
            self.mark()
        finally:
            self._file.close()

    def _append(self, data: bytes) -> None:
        self._file.write(data)
        self.size += len(data)

    def _drop(self, size: int) -> None:
        del self._tail[:size]
        self._dropped += size
