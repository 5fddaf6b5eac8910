"""Counters of executed instructions: what QEMU's plugin (files/coverage/plugin.c) is told, and what it has counted.

The counters lie in a file that QEMU maps. Reading it asks neither the guest nor QEMU, so it works whatever has become
of both.
"""

from __future__ import annotations

import array
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.guest.qemu_argv import in_option
from orchestrator.store import write_atomically

HITS = "coverage.txt"  # in the directories of an attempt, and of a guest: what its boot executed
COUNTERS = "counters"  # in a guest's directory, which is QEMU's working directory
WORD = 8
POLL_S = 0.002
COPY_S = 2.0  # what QEMU's thread may take for two copies, of which it makes 100 a second


@dataclass(frozen=True)
class Counting:
    """The instructions to count: ascending addresses, and the file that has them for the plugin."""

    plugin: Path
    file: Path
    addresses: tuple[int, ...]
    above: int | None = None  # of the plugin for instructions: from where on it counts; None: as it likes

    def argv(self) -> tuple[str, str]:
        """For QEMU's command line. The counters' file is the guest's own."""
        more = "" if self.above is None else f",above={self.above:#x}"
        return "-plugin", f"{in_option(self.plugin)},addresses={in_option(self.file)},counters={COUNTERS}{more}"


def write_addresses(counting: Counting) -> None:
    """As a new file: a QEMU that runs has the one before mapped."""
    write_atomically(counting.file, array.array("Q", counting.addresses).tobytes())


@dataclass(frozen=True)
class Counts:
    """A reading: how often the instructions at these addresses have been executed since power-on."""

    addresses: tuple[int, ...]
    counts: tuple[int, ...]

    def since(self, before: Counts | None) -> Mapping[int, int]:
        """The addresses that were executed since another reading of the guest (None: since power-on), and how often. A
        CPU that stood still between reading a counter and writing it may have turned it back: then its instruction is
        known to have been executed, once at least."""
        then = before.counts if before else (0,) * len(self.counts)
        pairs = zip(self.addresses, then, self.counts, strict=True)
        return {address: max(now - was, 1) for address, was, now in pairs if now != was}


class Counters:
    """The counters of one guest. Make them before QEMU starts."""

    def __init__(self, directory: Path, counting: Counting) -> None:
        self._path = directory / COUNTERS
        self._addresses = counting.addresses
        self._path.write_bytes(bytes(WORD * (len(counting.addresses) + 1)))

    def read(self, is_alive: Callable[[], bool]) -> Counts:
        """How often each instruction has been executed so far. Where QEMU copies the counters, waits until all that
        was counted before the call is in the file."""
        copies, *counts = self._words()
        if copies:  # else they are right where QEMU counts
            until = time.monotonic() + COPY_S
            while self._words()[0] < copies + 2 and is_alive() and time.monotonic() < until:
                time.sleep(POLL_S)
            _, *counts = self._words()
        return Counts(self._addresses, tuple(counts))

    def _words(self) -> array.array[int]:
        words = array.array("Q")
        words.frombytes(self._path.read_bytes())
        return words


def write_hits(hits: Mapping[int, int], path: Path) -> None:
    """A line for each address in hex: how often it was executed."""
    path.write_text("".join(f"{address:x} {count}\n" for address, count in sorted(hits.items())))


def read_hits(path: Path) -> Mapping[int, int]:
    """OSError, ValueError."""
    lines = (line.split() for line in path.read_text().splitlines())
    return {int(address, 16): int(count) for address, count in lines}
